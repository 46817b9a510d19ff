"""Why a crop got its verdict, in words and on a page."""

from pathlib import Path
from typing import Any

import pytest

from flows.engine.run_record import run_folder
from flows.explain import explain_crop
from tasks.common.errors import ArtifactError, InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.review.task import RuleFinding
from tests.dataset.builders import source
from tests.dataset.crops import Crop
from tests.flows.builders import exit_code, judged_by, recipe_of, record_run, save_record
from tests.review.pages import Page

CROPS = {
    "street": [
        Crop("a"),
        Crop("b", sharpness=0.45),
        Crop("c", frame_cut=0.61234, has_matte=False),
        Crop("d", sharpness=None),
    ]
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def _findings(workspace: Workspace, crop_id: str) -> dict[str, RuleFinding]:
    return {finding.rule: finding for finding in explain_crop(crop_id, None, workspace).findings}


def test_every_rule_has_a_word_in_the_rules_order(workspace: Workspace) -> None:
    record_run(workspace, CROPS)
    assert list(_findings(workspace, "street-a")) == list(RuleBounds.model_fields)


@pytest.mark.parametrize(
    ("crop_id", "rule", "word"),
    [
        pytest.param(
            "street-a", "sharpness", ("0.7", "min 0.4, review_min 0.5", "keep", ""), id="kept"
        ),
        pytest.param(
            "street-b",
            "sharpness",
            ("0.45", "min 0.4, review_min 0.5", "review", None),
            id="for review",
        ),
        pytest.param("street-c", "frame_cut", ("0.6123", "max 0.5", "drop", None), id="dropped"),
        pytest.param(
            "street-d", "sharpness", ("", "min 0.4, review_min 0.5", "drop", None), id="no value"
        ),
        pytest.param("street-c", "subject_share", ("", "min 0.2", "", ""), id="never matted"),
        pytest.param("street-a", "person_height_px", ("200", "none", "", ""), id="no bounds"),
        pytest.param("street-a", "licence", ("", "none", "", ""), id="no bounds and no value"),
    ],
)
def test_a_word_tells_value_bounds_and_verdict(
    crop_id: str, rule: str, word: tuple[str, str, str, str | None], workspace: Workspace
) -> None:
    record_run(workspace, CROPS)
    said = _findings(workspace, crop_id)[rule]
    assert said[1:4] == word[:3]
    assert word[3] in (None, said.sentence)


def test_the_failing_rule_speaks_as_the_verdict_does(workspace: Workspace) -> None:
    record_run(workspace, CROPS)
    found = explain_crop("street-b", None, workspace)
    (finding,) = [finding for finding in found.findings if finding.verdict == "review"]
    assert (finding.rule, finding.sentence) == ("sharpness", found.crop.verdict.sentence)
    assert found.crop.verdict.value == 0.45


def test_the_rules_that_fail_are_those_of_the_verdict(workspace: Workspace) -> None:
    record_run(workspace, CROPS)
    for name in "abcd":
        found = explain_crop(f"street-{name}", None, workspace)
        failing = [
            finding.rule for finding in found.findings if finding.verdict in ("drop", "review")
        ]
        assert tuple(failing) == found.crop.verdict.failed_rules


@pytest.mark.parametrize(
    ("facts", "rule", "word"),
    [
        pytest.param(
            {"scenes": ("pool",)}, "excluded_scene", ("not pool, beach", "drop"), id="scene"
        ),
        pytest.param(
            {"scenes": ("park",)}, "excluded_scene", ("not pool, beach", "keep"), id="other scene"
        ),
        pytest.param(
            {"licence": "CC0-1.0"}, "licence", ("one of CC0-1.0, CC-BY*", "keep"), id="fit"
        ),
        pytest.param({"licence": "X"}, "licence", ("one of CC0-1.0, CC-BY*", "drop"), id="unfit"),
    ],
)
def test_rules_on_the_source_tell_what_they_ask_for(
    facts: dict[str, Any], rule: str, word: tuple[str, str], workspace: Workspace
) -> None:
    entry = "  excluded_scene: {tags: [pool, beach]}\n  licence: {allowed: [CC0-1.0, CC-BY*]}\n"
    recipe = recipe_of(("filter:\n", f"filter:\n{entry}"))
    outcome = judged_by(workspace, source("street", **facts), [Crop("a")], recipe)
    save_record(workspace, outcome, recipe=recipe)
    assert _findings(workspace, "street-a")[rule][2:4] == word


def test_a_near_duplicate_of_another_source_is_explained_with_its_distance(
    workspace: Workspace,
) -> None:
    recipe = recipe_of(("filter:\n", "filter:\n  near_duplicate: {min: 5}\n"))
    crops = {"x": [Crop("a", hash=7)], "y": [Crop("a", hash=0)]}
    record_run(workspace, crops, recipe=recipe)
    word = _findings(workspace, "y-a")["near_duplicate"]
    assert word[1:4] == ("3", "min 5", "drop")
    assert "It is x-a." in word.sentence


def test_the_page_lies_beside_the_run_with_pictures_and_findings(workspace: Workspace) -> None:
    record_run(workspace, CROPS)
    found = explain_crop("street-b", None, workspace)
    written = workspace.root / run_folder("run-1") / "explain" / "street-b.html"
    assert found.page == written.as_uri()
    page = Page(written.read_text())
    assert page.tags.count("img") == 3
    assert "sharpness 0.45 min 0.4, review_min 0.5 review" in page.text


def test_the_newest_run_is_asked_unless_another_is_named(workspace: Workspace) -> None:
    for run_id, sharpness in (("run-1", 0.7), ("run-2", 0.45)):
        record_run(workspace, {"street": [Crop("a", sharpness=sharpness)]}, run_id=run_id)
    crops = [explain_crop("street-a", run, workspace).crop for run in (None, "run-1", "run-2")]
    assert [crop.verdict.verdict for crop in crops] == ["review", "keep", "review"]


@pytest.mark.parametrize(
    ("crop_id", "said"),
    [
        pytest.param("cafe", "of its 4 crops, none begins with it", id="unknown"),
        pytest.param("street", "4 begin with it: street-a, street-b, street-c", id="ambiguous"),
    ],
)
def test_no_single_crop_is_refused_and_no_page_written(
    crop_id: str, said: str, workspace: Workspace
) -> None:
    record_run(workspace, CROPS)
    with pytest.raises(InputError, match=said):
        explain_crop(crop_id, None, workspace)
    assert not (workspace.root / run_folder("run-1") / "explain").exists()


def test_the_command_prints_verdict_values_and_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    record_run(Workspace.of(settings()), CROPS)
    assert exit_code("explain", "street-b") == 0
    told = capsys.readouterr().out
    cells = [line.strip("│").replace(" ", "").split("│") for line in told.splitlines()]
    assert told.startswith("street-b review: ")
    assert ["sharpness", "0.45", "min0.4,review_min0.5", "review"] in cells
    assert (settings().workspace / "runs/run-1/explain/street-b.html").as_uri() in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["cafe"], "No single crop 'cafe' in this run", id="crop"),
        pytest.param(["street-a", "--run", "run-9"], "There is no run run-9", id="run"),
    ],
)
def test_what_is_not_there_ends_with_code_2_and_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record_run(Workspace.of(settings()), CROPS)
    assert exit_code("explain", *arguments) == 2
    assert said in capsys.readouterr().err


def test_without_a_run_the_command_says_how_to_start_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code("explain", "street-a") == 2
    assert "start one with `matteflow ingest`" in capsys.readouterr().err


def test_a_picture_that_is_gone_is_told(workspace: Workspace) -> None:
    record_run(workspace, CROPS)
    for picture in workspace.root.glob("detect/*/*/*.jpg"):
        picture.unlink()
    with pytest.raises(ArtifactError, match=r"gone or damaged .* Run the same"):
        explain_crop("street-a", None, workspace)


def test_a_page_that_cannot_be_written_is_told(workspace: Workspace) -> None:
    record = record_run(workspace, CROPS)
    (workspace.root / run_folder(record.run_id) / "explain").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        explain_crop("street-a", None, workspace)


def test_a_record_that_is_no_text_is_told(workspace: Workspace) -> None:
    record = record_run(workspace, CROPS)
    (workspace.root / run_folder(record.run_id) / "run.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        explain_crop("street-a", None, workspace)
