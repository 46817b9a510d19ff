"""What each rule measured in a run: counts, bars, and where its bounds lie."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.recipe.bounds import RuleBounds
from tasks.review.rule_stats import Mark, RuleLine, rule_lines
from tests.dataset.crops import Crop, failed
from tests.deduplicate.builders import run_crop

N_BARS = 40


def _lines(crops: list[Crop], **bounds: Any) -> list[RuleLine]:
    return rule_lines(
        [run_crop("street", crop) for crop in crops], RuleBounds.model_validate(bounds)
    )


def _line(rule: str, values: Sequence[float | None], **bounds: Any) -> RuleLine:
    """Return the line of one rule that measured these values."""
    crops = [Crop(f"{n}", measures={rule: value}) for n, value in enumerate(values)]
    found = _lines(crops, **({rule: bounds} if bounds else {}))
    return next(line for line in found if line.rule == rule)


def test_a_run_without_sources_has_no_lines() -> None:
    assert rule_lines([], RuleBounds()) == []


def test_a_source_without_crops_has_no_lines() -> None:
    assert _lines([], sharpness={"min": 0.5}) == []


def test_each_rule_counts_who_fails_it_first_and_alone() -> None:
    crops = [
        Crop("a"),
        failed("b", "sharpness"),
        failed("c", "sharpness", "exposure"),
        failed("d", "frame_cut", "sharpness"),
    ]
    lines = {line.rule: line[-3:] for line in _lines(crops)}
    assert [lines[rule] for rule in ("sharpness", "exposure", "frame_cut", "ghosting")] == [
        (3, 2, 1),
        (1, 0, 0),
        (1, 1, 0),
        (0, 0, 0),
    ]


def test_a_crop_for_review_counts_like_a_dropped_one() -> None:
    lines = _lines([Crop("a", "review", "sharpness", "Soft.")])
    assert [line[-3:] for line in lines if line.rule == "sharpness"] == [(1, 1, 1)]


def test_crops_that_were_never_matted_are_missing_from_the_rules_on_the_mask() -> None:
    crops = [Crop("a"), Crop("b"), failed("c", "sharpness", has_matte=False)]
    lines = {line.rule: line for line in _lines(crops)}
    counts = [
        (lines[rule].n_measured, lines[rule].n_missing) for rule in ("sharpness", "mask_whole")
    ]
    assert counts == [(3, 0), (2, 1)]


def test_a_rule_that_measured_nothing_and_failed_nobody_has_no_line() -> None:
    lines = _lines([Crop("a")], near_duplicate={"min": 5})
    assert "near_duplicate" not in [line.rule for line in lines]


def test_lines_come_in_the_order_of_the_rules_and_strangers_last() -> None:
    names = [line.rule for line in _lines([failed("a", "mask_empty")])]
    assert names[-1] == "mask_empty"
    assert names[:-1] == [name for name in RuleBounds.model_fields if name in names]


@pytest.mark.parametrize("rule", ["excluded_scene", "licence", "mask_empty"])
def test_a_rule_that_measures_nothing_has_counts_and_no_bars(rule: str) -> None:
    (line,) = [line for line in _lines([Crop("a"), failed("b", rule)]) if line.rule == rule]
    assert (line.bars, line.marks, line.n_measured, line.n_missing) == ([], [], 0, 0)
    assert (line.n_failed, line.n_first, line.n_alone) == (1, 1, 1)


def test_a_value_in_every_bar_makes_all_bars_full() -> None:
    values = [(number + 0.5) / N_BARS for number in range(N_BARS)]
    assert _line("sharpness", values).bars == [1.0] * N_BARS


def test_bars_are_in_proportion_to_the_fullest() -> None:
    line = _line("sharpness", [0.0, 0.01, 0.02, 0.02, 0.51, 1.0, 1.0])
    assert {place: bar for place, bar in enumerate(line.bars) if bar} == {0: 1.0, 20: 0.25, 39: 0.5}
    assert sum(line.bars) * 4 == line.n_measured


def test_a_value_beyond_the_scale_stands_in_the_last_bar() -> None:
    assert _line("sharpness", [1.5]).bars[-1] == 1.0


@pytest.mark.parametrize(
    ("rule", "values", "bounds", "scale"),
    [
        pytest.param("sharpness", [0.4, 0.9], {"min": 0.1}, (0.0, 1.0), id="share"),
        pytest.param("sharpness", [0.1], {"max": 0.2}, (0.0, 0.2), id="small share, larger bound"),
        pytest.param("sharpness", [0.1, 0.3], {"min": 0.2}, (0.0, 0.3), id="small shares"),
        pytest.param("sharpness", [0.001], {}, (0.0, 0.01), id="tiny share"),
        pytest.param("person_height_px", [100.0, 300.0], {}, (100.0, 300.0), id="px"),
        pytest.param(
            "person_height_px", [100.0], {"min": 50, "max": 150}, (50.0, 150.0), id="bounds"
        ),
        pytest.param("distortion", [1.1, 1.6], {"max": 2.5}, (1.1, 2.5), id="ratio"),
    ],
)
def test_the_scale_reaches_from_the_least_to_the_most(
    rule: str,
    values: list[float | None],
    bounds: dict[str, float],
    scale: tuple[float, float],
) -> None:
    line = _line(rule, values, **bounds)
    assert (line.low, line.high) == scale


@pytest.mark.parametrize(
    ("rule", "value", "scale", "bar"),
    [
        pytest.param("exposure", 0.0, (0.0, 0.01), 0, id="no share"),
        pytest.param("exposure", 0.5, (0.0, 1.0), 20, id="half a share"),
        pytest.param("exposure", 1.0, (0.0, 1.0), 39, id="the whole share"),
        pytest.param("person_height_px", 200.0, (200.0, 201.0), 0, id="px"),
        pytest.param("distortion", 1.0, (1.0, 2.0), 0, id="ratio"),
    ],
)
def test_equal_values_stand_in_one_bar(
    rule: str, value: float, scale: tuple[float, float], bar: int
) -> None:
    line = _line(rule, [value] * 3)
    assert (line.low, line.high) == scale
    assert line.bars == [1.0 if place == bar else 0.0 for place in range(N_BARS)]


def test_marks_lie_where_the_bounds_are() -> None:
    bounds = {"min": 120, "review_min": 150, "review_max": 250, "max": 300}
    line = _line("person_height_px", [100.0, 300.0], **bounds)
    assert line.marks == [
        Mark("min", 120.0, 0.1),
        Mark("review_min", 150.0, 0.25),
        Mark("review_max", 250.0, 0.75),
        Mark("max", 300.0, 1.0),
    ]


def test_without_bounds_there_are_no_marks() -> None:
    assert _line("sharpness", [0.5]).marks == []


@settings(max_examples=25, deadline=None)
@given(
    rule=st.sampled_from(["sharpness", "person_height_px", "distortion", "contrast"]),
    values=st.lists(st.none() | st.floats(0, 1e5, width=32), min_size=1, max_size=8),
    limits=st.dictionaries(st.sampled_from(["min", "max"]), st.floats(1, 100), max_size=2),
)
def test_whatever_was_measured_bars_and_marks_lie_inside_the_picture(
    rule: str, values: list[float | None], limits: dict[str, float]
) -> None:
    if rule == "sharpness":
        limits = {name: bound / 100 for name, bound in limits.items()}
    if len(limits) == 2:
        limits = dict(zip(("min", "max"), sorted(limits.values()), strict=True))
    crops = [Crop(f"{n}", measures={rule: value}) for n, value in enumerate(values)]
    lines = _lines(crops, **({rule: limits} if limits else {}))
    for line in (line for line in lines if line.rule == rule):
        assert line.n_measured + line.n_missing == len(values)
        assert line.low < line.high
        assert (len(line.bars), max(line.bars)) == (N_BARS, 1.0)
        assert [bar for bar in line.bars if not 0 <= bar <= 1] == []
        assert [mark for mark in line.marks if not 0 <= mark.place <= 1] == []


def test_values_that_hardly_differ_are_drawn_too() -> None:
    line = _line("distortion", [1.0, 1.0000000000000002])
    assert (len(line.bars), sum(bar > 0 for bar in line.bars)) == (N_BARS, 1)
