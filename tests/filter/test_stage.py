"""Screening before matting and the verdicts after: crops in = kept + dropped, each with its why."""

from pathlib import Path
from typing import Any

import pytest

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import (
    AdmittedTable,
    CropsTable,
    MattesTable,
    PosesTable,
    StageResult,
    VerdictsTable,
)
from tasks.common.schema.columns import columns_of, plain_rows, sparse_columns_of
from tasks.common.schema.rows import JudgedCrop
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.filter.rules import RULES
from tasks.filter.stage import filter_crops, filter_key, screen_crops, screen_key
from tests.filter.artifacts import picture, write_crops, write_mattes, write_poses
from tests.filter.builders import SOURCE, bounds_of

NAMES = ("a", "b", "c")
# Of these three pictures, the last is the first once more.
SHOWN = {"a": picture(1), "b": picture(2), "c": picture(1)}
NEAR = {"near_duplicate": {"min": 7}}
BOUNDS: list[Any] = [
    pytest.param({}, id="no bounds"),
    pytest.param({"person_height_px": {"min": 1000}}, id="all out before matting"),
    pytest.param({"subject_share": {"max": 0.5}}, id="all out after matting"),
    pytest.param({"subject_share": {"review_max": 0.5}}, id="all for review"),
    pytest.param(NEAR, id="one out before matting"),
    pytest.param(NEAR | {"body_visible": {"min": 0.5}}, id="what is not measured is missing"),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def screened(
    workspace: Workspace, crops: CropsTable, bounds: RuleBounds, poses: PosesTable | None = None
) -> AdmittedTable:
    key = screen_key(SOURCE, crops, poses, bounds)
    out = ArtifactWriter(workspace, "screen", key)
    return screen_crops(out, SOURCE, crops, poses, bounds)


def filtered(
    workspace: Workspace,
    crops: CropsTable,
    mattes: MattesTable,
    bounds: RuleBounds,
    poses: PosesTable | None = None,
) -> VerdictsTable:
    key = filter_key(SOURCE, crops, poses, mattes, bounds)
    out = ArtifactWriter(workspace, "filter", key)
    return filter_crops(out, SOURCE, crops, poses, mattes, bounds)


def dropped(workspace: Workspace, result: StageResult) -> dict[str, str]:
    return {row["item"]: row["reason"] for row in plain_rows(workspace.drops(result))}


@pytest.mark.parametrize("limits", BOUNDS)
def test_a_source_without_crops_goes_through_both_stages(
    workspace: Workspace, limits: dict[str, Any]
) -> None:
    crops, bounds = write_crops(workspace, {}), bounds_of(**limits)
    screen = screened(workspace, crops, bounds)
    final = filtered(workspace, crops, write_mattes(workspace, screen), bounds)
    for result in (screen, final):
        assert (result.n_in, result.n_kept, result.n_dropped, result.n_out) == (0, 0, 0, 0)


@pytest.mark.parametrize("limits", BOUNDS)
def test_every_crop_is_admitted_or_dropped_by_screening(
    workspace: Workspace, limits: dict[str, Any]
) -> None:
    result = screened(workspace, write_crops(workspace, SHOWN), bounds_of(**limits))
    admitted = workspace.items(result)["crop_id"].tolist()
    assert sorted([*admitted, *dropped(workspace, result)]) == list(NAMES)
    assert (result.n_in, result.n_kept) == (3, len(admitted))


@pytest.mark.parametrize("empty", [(), ("b",)], ids=["all matted", "nobody found on one"])
@pytest.mark.parametrize("limits", BOUNDS)
def test_every_crop_gets_one_verdict_and_every_drop_its_why(
    workspace: Workspace, limits: dict[str, Any], empty: tuple[str, ...]
) -> None:
    crops, bounds = write_crops(workspace, SHOWN), bounds_of(**limits)
    mattes = write_mattes(workspace, screened(workspace, crops, bounds), empty)
    result = filtered(workspace, crops, mattes, bounds)
    rows = workspace.rows(JudgedCrop, result)
    out = {row.crop_id: row.reason for row in rows if row.verdict == "drop"}
    assert [row.crop_id for row in rows] == list(NAMES)
    assert dropped(workspace, result) == out
    assert (result.n_in, result.n_dropped, result.n_kept) == (3, len(out), 3 - len(out))
    assert list(workspace.items(result).columns) == [
        name for name in columns_of(JudgedCrop) if name not in sparse_columns_of(JudgedCrop)
    ]


def test_screening_hands_on_review_and_holds_back_the_lesser_copy(workspace: Workspace) -> None:
    bounds = bounds_of(detector_confidence={"review_min": 0.95}, **NEAR)
    result = screened(workspace, write_crops(workspace, SHOWN), bounds)
    assert workspace.items(result)["crop_id"].tolist() == ["a", "b"]
    assert dropped(workspace, result) == {"c": "near_duplicate"}


def test_a_drop_before_matting_is_told_alike_by_both_stages(workspace: Workspace) -> None:
    crops, bounds = write_crops(workspace, SHOWN), bounds_of(**NEAR)
    screen = screened(workspace, crops, bounds)
    final = filtered(workspace, crops, write_mattes(workspace, screen), bounds)
    (before,), (after,) = (plain_rows(workspace.drops(result)) for result in (screen, final))
    assert after == before | {"stage": "filter"}


def test_what_needs_a_mask_is_measured_on_matted_crops_alone(workspace: Workspace) -> None:
    crops, bounds = write_crops(workspace, SHOWN), bounds_of(**NEAR)
    mattes = write_mattes(workspace, screened(workspace, crops, bounds))
    rows = workspace.rows(JudgedCrop, filtered(workspace, crops, mattes, bounds))
    shares = {row.crop_id: row.measures["subject_share"] for row in rows}
    assert shares == {"a": 1.0, "b": 1.0, "c": None}
    (last,) = [row for row in rows if row.crop_id == "c"]
    assert {last.measures[name] for name, rule in RULES.items() if rule.needs_mask} == {None}


def test_rules_after_matting_decide_on_the_crops_that_were_matted(workspace: Workspace) -> None:
    crops, bounds = write_crops(workspace, SHOWN), bounds_of(subject_share={"max": 0.5}, **NEAR)
    mattes = write_mattes(workspace, screened(workspace, crops, bounds))
    result = filtered(workspace, crops, mattes, bounds)
    assert dropped(workspace, result) == {
        "a": "subject_share", "b": "subject_share", "c": "near_duplicate",
    }  # fmt: skip


def test_a_crop_on_which_nobody_is_found_is_dropped_without_any_bound(
    workspace: Workspace,
) -> None:
    crops, bounds = write_crops(workspace, SHOWN), RuleBounds()
    mattes = write_mattes(workspace, screened(workspace, crops, bounds), ["b"])
    rows = workspace.rows(JudgedCrop, filtered(workspace, crops, mattes, bounds))
    assert [row.verdict for row in rows] == ["keep", "drop", "keep"]
    empty = rows[1]
    assert (empty.reason, empty.value, empty.bound) == ("mask_empty", 0.0, 0.5)
    assert (empty.sentence, empty.failed_rules) == ("nobody on b", ("mask_empty",))


def test_poses_are_found_by_the_crops_name(workspace: Workspace) -> None:
    crops, bounds = write_crops(workspace, SHOWN), bounds_of(body_visible={"min": 0.5})
    poses = write_poses(workspace, {"b": 0.75, "a": 0.25})
    screen = screened(workspace, crops, bounds, poses)
    final = filtered(workspace, crops, write_mattes(workspace, screen), bounds, poses)
    rows = workspace.rows(JudgedCrop, final)
    assert [row.measures["body_visible"] for row in rows] == [0.25, 0.75, None]
    assert [row.verdict for row in rows] == ["drop", "keep", "drop"]


def test_a_moved_bound_measures_nothing_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = write_crops(workspace, SHOWN)
    assert screened(workspace, crops, RuleBounds()).n_kept == 3
    monkeypatch.setattr("tasks.filter.stage.measure_crops", None)
    assert screened(workspace, crops, bounds_of(**NEAR)).n_kept == 2


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"attribution": "ann"}, True, id="what no rule reads"),
        pytest.param({"licence": "CC0-1.0"}, False, id="the licence"),
        pytest.param({"scenes": ("night",)}, False, id="the scenes"),
    ],
)
def test_an_artifact_is_named_by_what_the_rules_read_of_the_source(
    workspace: Workspace, changes: dict[str, Any], is_same: bool
) -> None:
    crops, bounds = write_crops(workspace, SHOWN), RuleBounds()
    mattes = write_mattes(workspace, screened(workspace, crops, bounds))
    other = SOURCE.model_copy(update=changes)
    same = [
        screen_key(SOURCE, crops, None, bounds) == screen_key(other, crops, None, bounds),
        filter_key(SOURCE, crops, None, mattes, bounds)
        == filter_key(other, crops, None, mattes, bounds),
    ]
    assert same == [is_same] * 2
