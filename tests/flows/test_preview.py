"""What other bounds would change: which run is asked, and what is told of its crops."""

from pathlib import Path

import pytest

from flows.engine.run_record import run_folder
from flows.preview import preview
from tasks.common.errors import ArtifactError, InputError
from tasks.common.schema.tables import read_table
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.crops import Crop
from tests.flows.builders import (
    recipe_file,
    recipe_of,
    record_run,
)
from tests.review.pages import Page

CROPS = {
    "street": [
        Crop("a"),
        Crop("b", sharpness=0.45),
        Crop("c", sharpness=0.1, has_matte=False),
    ]
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    return recipe_file(tmp_path)


def _moves(workspace: Workspace, recipe: str, *changes: str) -> dict[str, tuple[str, str]]:
    return preview(recipe, changes, None, workspace).diff.moved


def _chosen(workspace: Workspace, recipe: str, run: str | None = None) -> str:
    return preview(recipe, [], run, workspace).run_id


def test_without_a_run_there_is_nothing_to_judge(workspace: Workspace, recipe: str) -> None:
    with pytest.raises(InputError, match=r"No run in .* Ingest with this recipe first"):
        preview(recipe, [], None, workspace)


OTHER_PARTS = [
    pytest.param(("filter:", "sample: {every_s: 2.0}\nfilter:"), "sample", id="sample"),
    pytest.param(("fall-yolov8s", "yolo11n"), "detect", id="detect"),
    pytest.param(("filter:", "pose: {model: blazepose-full}\nfilter:"), "pose", id="pose"),
    pytest.param(("{model: u2netp}", "{model: u2netp, threshold: 0.4}"), "matte", id="matte"),
    pytest.param(("filter:", "download: {max_pixels: 9}\nfilter:"), "download", id="download"),
]


@pytest.mark.parametrize(("change", "part"), OTHER_PARTS)
def test_the_newest_run_that_was_measured_alike_is_asked(
    change: tuple[str, str], part: str, workspace: Workspace, recipe: str
) -> None:
    for run_id in ("run-1", "run-2"):
        record_run(workspace, CROPS, run_id=run_id)
    record_run(workspace, {}, recipe=recipe_of(change), run_id="run-3")
    assert _chosen(workspace, recipe) == "run-2"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("{max: 0.5}", "{max: 0.1}"), id="filter"),
        pytest.param(("note: small", "note: large"), id="publish"),
        pytest.param(("name: small", "name: large"), id="name"),
    ],
)
def test_parts_that_measure_nothing_may_differ(
    change: tuple[str, str], workspace: Workspace, recipe: str
) -> None:
    record_run(workspace, CROPS, recipe=recipe_of(change))
    assert _chosen(workspace, recipe) == "run-1"


@pytest.mark.parametrize("text", ["", "{", "{}", '{"run_id": "run-9", "old": true}', "\x00"])
def test_a_record_that_cannot_be_read_is_passed_over(
    text: str, workspace: Workspace, recipe: str
) -> None:
    record_run(workspace, CROPS)
    folder = workspace.root / run_folder("run-9")
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(text)
    assert _chosen(workspace, recipe) == "run-1"


def test_where_no_run_was_measured_alike_the_sentence_says_to_ingest(
    workspace: Workspace, recipe: str
) -> None:
    record_run(workspace, {}, recipe=recipe_of(("fall-yolov8s", "yolo11n")))
    with pytest.raises(
        InputError, match="made with this recipe's download, sample, detect, sphere, pose"
    ):
        preview(recipe, [], None, workspace)


def test_a_named_run_is_asked_though_it_is_not_the_newest(
    workspace: Workspace, recipe: str
) -> None:
    for run_id in ("run-1", "run-2"):
        record_run(workspace, CROPS, run_id=run_id)
    assert _chosen(workspace, recipe, "run-1") == "run-1"


@pytest.mark.parametrize(("change", "part"), OTHER_PARTS)
def test_a_named_run_that_was_measured_otherwise_is_refused_with_the_part(
    change: tuple[str, str], part: str, workspace: Workspace, recipe: str
) -> None:
    record_run(workspace, {}, recipe=recipe_of(change))
    with pytest.raises(InputError, match=f"Run run-1 was made with a different {part} part"):
        _chosen(workspace, recipe, "run-1")


def test_a_named_run_that_is_not_there_is_refused(workspace: Workspace, recipe: str) -> None:
    record_run(workspace, CROPS)
    with pytest.raises(InputError, match=r"There is no run run-7 .* The last runs: run-1\."):
        _chosen(workspace, recipe, "run-7")


def test_without_a_change_no_verdict_changes(workspace: Workspace, recipe: str) -> None:
    record_run(workspace, CROPS)
    found = preview(recipe, [], None, workspace).diff
    assert (found.moved, found.before) == ({}, {"keep": 1, "review": 1, "drop": 1})


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        pytest.param(["sharpness.min=0.5"], {"b": ("review", "drop")}, id="stricter"),
        pytest.param(["sharpness.review_min=0.4"], {"b": ("review", "keep")}, id="looser"),
        pytest.param(["sharpness.min=0.05"], {"c": ("drop", "to be matted")}, id="never matted"),
        pytest.param(
            ["sharpness=null"],
            {"b": ("review", "keep"), "c": ("drop", "to be matted")},
            id="without the rule",
        ),
        pytest.param(
            ["subject_share.min=0.6"],
            {"a": ("keep", "drop"), "b": ("review", "drop")},
            id="rule on the mask",
        ),
        pytest.param(
            ["sharpness.review_min=0.4", "mask_certainty.review_min=0.9"],
            {"a": ("keep", "review")},
            id="two at once, one new",
        ),
        pytest.param(["publish.val_share=0.5"], {}, id="not a rule"),
    ],
)
def test_a_change_moves_the_crops_that_it_reaches(
    changes: list[str], moved: dict[str, tuple[str, str]], workspace: Workspace, recipe: str
) -> None:
    record_run(workspace, CROPS)
    expected = {f"street-{name}": pair for name, pair in moved.items()}
    assert _moves(workspace, recipe, *changes) == expected


def test_recipe_and_change_are_compared_whatever_bounds_the_run_had(
    workspace: Workspace, recipe: str
) -> None:
    strict = recipe_of(("{min: 0.4, review_min: 0.5}", "{min: 0.9}"))
    record_run(workspace, CROPS, recipe=strict)
    assert _moves(workspace, recipe) == {}
    assert _moves(workspace, recipe, "sharpness.min=0.5") == {"street-b": ("review", "drop")}


def test_near_duplicates_of_other_sources_move_too(workspace: Workspace, recipe: str) -> None:
    record_run(workspace, {name: [Crop("a", hash=7)] for name in ("street", "cafe")})
    assert _moves(workspace, recipe, "near_duplicate.min=5") == {"street-a": ("keep", "drop")}


def test_the_page_lies_beside_the_run_and_tells_what_was_changed(
    workspace: Workspace, recipe: str
) -> None:
    record_run(workspace, CROPS)
    found = preview(recipe, ["sharpness.min=0.5"], None, workspace)
    written = workspace.root / run_folder("run-1") / "retune.html"
    assert found.page == written.as_uri()
    page = Page(written.read_text())
    assert f"Run run-1, recipe {recipe}: sharpness.min=0.5." in page.text
    assert page.all_of("img", "alt") == ["street-b"]


def test_a_change_that_shapes_crops_cannot_be_previewed(workspace: Workspace, recipe: str) -> None:
    record_run(workspace, CROPS)
    with pytest.raises(InputError, match="The detect part determines crops and measures"):
        preview(recipe, ["detect.confidence=0.4"], None, workspace)


def test_a_run_without_crops_is_passed_over(workspace: Workspace, recipe: str) -> None:
    record_run(workspace, CROPS, run_id="run-1")
    record_run(workspace, {"street": []}, run_id="run-2")
    assert preview(recipe, [], None, workspace).run_id == "run-1"


def test_a_named_run_of_an_older_version_is_told(workspace: Workspace, recipe: str) -> None:
    record = record_run(workspace, CROPS)
    final = record.outcomes[0].stages[-1]
    path = workspace.path(f"{workspace.folder(final.stage, final.key)}/items.parquet")
    read_table(path).to_pandas().drop(columns=["hash"]).to_parquet(path)
    with pytest.raises(ArtifactError, match=r"another version: .* lacks the columns hash"):
        preview(recipe, [], record.run_id, workspace)
