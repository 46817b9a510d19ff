"""What the report page shows of the rules, and of the crops that people should look at."""

import re
from pathlib import Path
from typing import Any

import pytest

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.workspace.artifacts import Workspace
from tasks.review.rule_stats import rule_lines
from tests.dataset.builders import judged, source, two_sources, verdicts_only
from tests.dataset.crops import Crop, failed
from tests.deduplicate.builders import run_crops
from tests.review.builders import report_of
from tests.review.pages import Page


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _page(workspace: Workspace, *outcomes: SourceOutcome, **bounds: Any) -> Page:
    return Page(report_of(workspace, *outcomes, **bounds))


def _numbers(page: Page) -> list[float]:
    """Return every coordinate of the page's pictures of rules."""
    names = ("x", "y", "width", "height", "x1", "x2", "y1", "y2")
    drawn = [found for tag, found in page.elements if tag in ("rect", "line")]
    return [float(found[name]) for found in drawn for name in names if name in found]


def test_a_run_without_crops_draws_nothing(workspace: Workspace) -> None:
    assert _page(workspace).tags.count("svg") == 0


def test_each_rule_that_measured_something_has_a_histogram(workspace: Workspace) -> None:
    outcomes = two_sources(workspace)
    lines = rule_lines(run_crops(workspace, *outcomes).crops, RuleBounds())
    measured = [line.rule for line in lines if line.bars]
    page = _page(workspace, *outcomes)
    assert page.all_of("svg", "aria-label") == [f"histogram of {rule}" for rule in measured]
    assert measured == [rule for rule in MEASURED_RULES if rule != "near_duplicate"]


def test_a_rule_that_failed_somebody_without_a_measure_has_a_line_without_a_histogram(
    workspace: Workspace,
) -> None:
    lost = [failed("a", "excluded_scene"), failed("b", "mask_empty", has_matte=False)]
    page = _page(workspace, verdicts_only(workspace, source("street"), lost))
    labels = page.all_of("svg", "aria-label")
    assert [label for label in labels if "excluded" in label or "empty" in label] == []
    for told in ("excluded_scene 0 1 1 1", "mask_empty 0 1 1 1"):
        assert told in page.text


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0.0], id="zero"),
        pytest.param([0.5, 0.5], id="equal"),
        pytest.param([None, 0.3], id="one missing"),
        pytest.param([0.0, 1.0], id="extremes"),
    ],
)
@pytest.mark.parametrize("bounds", [{}, {"min": 0.0, "max": 1.0}, {"review_min": 0.5}])
def test_everything_that_is_drawn_lies_inside_its_picture(
    values: list[float | None], bounds: dict[str, float], workspace: Workspace
) -> None:
    crops = [Crop(f"{n}", measures={"sharpness": value}) for n, value in enumerate(values)]
    limits = {"sharpness": bounds} if bounds else {}
    page = _page(workspace, verdicts_only(workspace, source("street"), crops), **limits)
    assert [number for number in _numbers(page) if not 0 <= number <= 100] == []
    assert re.findall(r"\b(?:nan|NaN|inf|None)\b", page.html) == []


def test_only_bars_with_crops_in_them_are_drawn(workspace: Workspace) -> None:
    values = [0.1, 0.1, 0.6, 0.9]
    crops = [Crop(f"{n}", measures={"sharpness": value}) for n, value in enumerate(values)]
    page = _page(workspace, verdicts_only(workspace, source("street"), crops))
    drawing = re.search(r'"histogram of sharpness".*?</svg>', page.html, re.DOTALL)
    assert drawing is not None
    assert re.findall(r' height="([\d.]+)"', drawing[0]) == ["40.0", "20.0", "20.0"]


def test_each_bound_has_a_line_with_its_value(workspace: Workspace) -> None:
    limits = {"sharpness": {"min": 0.25, "review_min": 0.5}}
    page = _page(workspace, *two_sources(workspace), **limits)
    drawn = [(found["x1"], found.get("class", "")) for tag, found in page.elements if tag == "line"]
    assert drawn == [("25.0", ""), ("50.0", "review")]
    assert "min 0.25 , review_min 0.5" in page.text or "min 0.25, review_min 0.5" in page.text


def test_counts_stand_beside_each_rule(workspace: Workspace) -> None:
    fails = [("sharpness",), ("sharpness", "exposure"), ("frame_cut", "sharpness")]
    crops = [Crop("a"), *(failed(rules[0] + rules[-1], *rules) for rules in fails)]
    page = _page(workspace, verdicts_only(workspace, source("street"), crops))
    cells = re.search(r'"histogram of sharpness".*?</tr>', page.html, re.DOTALL)
    assert cells is not None
    assert re.findall(r'<td class="n">(\d*)</td>', cells[0]) == ["4", "", "3", "2", "1"]


def test_rules_that_fail_the_same_crops_are_told(workspace: Workspace) -> None:
    crops = [failed("a", "sharpness", "exposure"), failed("b", "sharpness")]
    page = _page(workspace, verdicts_only(workspace, source("street"), crops))
    assert "sharpness exposure 1 50 %" in page.text


def test_crops_for_review_are_shown_by_reason_with_their_sentences(workspace: Workspace) -> None:
    looks = {"a": "sharpness", "b": "mask_whole", "c": "sharpness"}
    crops = [Crop(name, "review", rule, f"Look at {name}.") for name, rule in looks.items()]
    page = _page(workspace, judged(workspace, source("street"), crops))
    mask, soft = (page.text.index(f"review: {rule}") for rule in ("mask_whole 1", "sharpness 2"))
    told = [page.text.index(f"Look at {name}.") for name in "bac"]
    assert [mask, told[0], soft, *told[1:]] == sorted([mask, soft, *told])
    assert page.all_of("img", "alt") == ["street-b", "street-a", "street-c"]
