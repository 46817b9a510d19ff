"""The poses table: one row per crop, each answer as the model gave it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.common.media.images import read_grey
from tasks.common.recipe.models import PoseRecipe
from tasks.common.records import CropsTable, PosesTable, Source, StageResult
from tasks.common.schema.boxes import Box
from tasks.common.schema.columns import columns_of, plain_rows
from tasks.common.schema.rows import Pose
from tasks.common.weights.catalogue import find_weights
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.pose import stage
from tasks.pose.stage import find_poses, pose_key
from tests.pose.builders import FakeFinder, grey, write_crops
from tests.pose.people import Person, standing

BLAZEPOSE = PoseRecipe(model="blazepose-full")
YOLO = PoseRecipe(model="yolo11n-pose")
SOURCE = Source(source_id="clip", uri="clip.mp4")
MASK = np.array([[0.0, 0.25], [0.5, 1.0]], np.float32)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def finder(monkeypatch: pytest.MonkeyPatch) -> FakeFinder:
    """Stands in for BlazePose and marks the person's pixels."""
    fake = FakeFinder(MASK)
    monkeypatch.setitem(stage._ESTIMATORS, "blazepose", fake)
    return fake


@pytest.fixture
def without_mask(monkeypatch: pytest.MonkeyPatch) -> FakeFinder:
    """Stands in for ultralytics, which marks no pixels."""
    fake = FakeFinder(None)
    monkeypatch.setitem(stage._ESTIMATORS, "yolo", fake)
    return fake


def _run(workspace: Workspace, crops: CropsTable, recipe: PoseRecipe = BLAZEPOSE) -> PosesTable:
    out = ArtifactWriter(workspace, "pose", pose_key(crops, recipe))
    return find_poses(out, SOURCE, crops, recipe)


def _rows(workspace: Workspace, result: StageResult) -> list[dict[str, Any]]:
    return plain_rows(workspace.items(result))


def test_no_crops_give_no_poses(workspace: Workspace, finder: FakeFinder) -> None:
    result = _run(workspace, write_crops(workspace, []))
    assert (result.n_in, result.n_kept, result.n_dropped, result.n_out) == (0, 0, 0, 0)
    assert list(workspace.items(result).columns) == list(columns_of(Pose))
    assert finder.asked == []


@pytest.mark.parametrize("n", [0, 1, 5], ids=["none", "one", "five"])
def test_every_crop_gets_a_pose_and_none_is_dropped(
    n: int, workspace: Workspace, finder: FakeFinder
) -> None:
    result = _run(workspace, write_crops(workspace, [grey(level) for level in range(n)]))
    assert (result.n_in, result.n_kept, result.n_dropped, result.n_out) == (n, n, 0, n)
    assert [row["crop_id"] for row in _rows(workspace, result)] == [f"c{k}" for k in range(n)]
    assert len(workspace.drops(result)) == 0


def test_a_pose_in_which_nothing_is_seen_is_a_pose(
    workspace: Workspace, finder: FakeFinder
) -> None:
    (row,) = _rows(workspace, _run(workspace, write_crops(workspace, [grey(0)])))
    assert json.loads(row["seen"]) == [0.0] * 17


def test_the_model_is_shown_the_crop_and_the_persons_box_in_it(
    workspace: Workspace, finder: FakeFinder
) -> None:
    _run(workspace, write_crops(workspace, [grey(7)]))
    ((rgb, box, model),) = finder.asked
    assert np.array_equal(rgb, grey(7))
    assert (box, model) == (Box(4.5, 2.0, 28.0, 38.0), "blazepose-full")


def test_a_person_cut_by_the_frame_keeps_the_box_as_the_detector_gave_it(
    workspace: Workspace, finder: FakeFinder
) -> None:
    _run(workspace, write_crops(workspace, [grey(7)], (-3.5, -2.0, 20.0, 60.0), (0, 0, 32, 40)))
    assert finder.asked[0][1] == Box(-3.5, -2.0, 20.0, 60.0)


def test_points_are_told_to_a_tenth_and_visibility_to_four_digits(
    workspace: Workspace, finder: FakeFinder
) -> None:
    (row,) = _rows(workspace, _run(workspace, write_crops(workspace, [grey(100)])))
    assert json.loads(row["points_xy"]) == [[100.3, 100.3]] * 17
    assert json.loads(row["seen"]) == [0.3922] * 17


@pytest.mark.parametrize("recipe", [BLAZEPOSE, YOLO], ids=["blazepose", "yolo"])
def test_a_row_names_the_model_by_its_bytes(
    recipe: PoseRecipe, workspace: Workspace, finder: FakeFinder, without_mask: FakeFinder
) -> None:
    (row,) = _rows(workspace, _run(workspace, write_crops(workspace, [grey(1)]), recipe))
    assert row["model"] == recipe.model
    assert row["model_digest"] == find_weights(recipe.model, "pose").sha256


def test_each_model_is_asked_in_its_own_way(
    workspace: Workspace, finder: FakeFinder, without_mask: FakeFinder
) -> None:
    crops = write_crops(workspace, [grey(1)])
    _run(workspace, crops, YOLO)
    assert (len(finder.asked), len(without_mask.asked)) == (0, 1)
    _run(workspace, crops, BLAZEPOSE)
    assert (len(finder.asked), len(without_mask.asked)) == (1, 1)


class TestMask:
    def test_it_lies_where_the_row_says_with_the_bytes_that_it_says(
        self, workspace: Workspace, finder: FakeFinder
    ) -> None:
        (row,) = _rows(workspace, _run(workspace, write_crops(workspace, [grey(1)])))
        assert workspace.is_whole(row["mask_path"], row["mask_digest"])
        codes = read_grey(workspace.path(row["mask_path"]))
        assert codes.tolist() == [[0, 64], [128, 255]]

    def test_each_crop_has_its_own(self, workspace: Workspace, finder: FakeFinder) -> None:
        rows = _rows(workspace, _run(workspace, write_crops(workspace, [grey(1), grey(2)])))
        assert len({row["mask_path"] for row in rows}) == 2

    def test_a_model_that_gives_none_leaves_path_and_digest_missing(
        self, workspace: Workspace, without_mask: FakeFinder
    ) -> None:
        (row,) = _rows(workspace, _run(workspace, write_crops(workspace, [grey(1)]), YOLO))
        assert (row["mask_path"], row["mask_digest"]) == (None, None)

    @pytest.mark.parametrize("recipe", [BLAZEPOSE, YOLO], ids=["with masks", "without masks"])
    def test_the_artifact_is_trusted(
        self,
        recipe: PoseRecipe,
        workspace: Workspace,
        finder: FakeFinder,
        without_mask: FakeFinder,
    ) -> None:
        result = _run(workspace, write_crops(workspace, [grey(1), grey(2)]), recipe)
        assert workspace.find("pose", result.key) == result

    def test_the_artifact_is_not_trusted_once_one_is_damaged(
        self, workspace: Workspace, finder: FakeFinder
    ) -> None:
        result = _run(workspace, write_crops(workspace, [grey(1), grey(2)]))
        path = workspace.path(_rows(workspace, result)[1]["mask_path"])
        path.write_bytes(path.read_bytes()[:-1])
        assert workspace.find("pose", result.key) is None


class TestNames:
    def test_the_same_crops_give_the_same_digest_in_any_workspace(
        self, tmp_path: Path, finder: FakeFinder
    ) -> None:
        places = [Workspace(tmp_path / "here"), Workspace(tmp_path / "there")]
        results = [_run(place, write_crops(place, [grey(1), grey(2)])) for place in places]
        assert results[0] == results[1]

    def test_the_digest_changes_with_the_poses(
        self, workspace: Workspace, finder: FakeFinder
    ) -> None:
        results = [_run(workspace, write_crops(workspace, [grey(level)])) for level in (1, 2)]
        assert results[0].digest != results[1].digest

    def test_the_digest_changes_with_the_masks(
        self, workspace: Workspace, finder: FakeFinder
    ) -> None:
        crops = write_crops(workspace, [grey(1)])
        before = _run(workspace, crops)
        finder.mask = 1 - MASK
        assert _run(workspace, crops).digest != before.digest

    def test_the_key_changes_with_the_model(self, workspace: Workspace) -> None:
        crops = write_crops(workspace, [grey(1)])
        models = ("blazepose-full", "yolo11n-pose", "yolo11s-pose")
        assert len({pose_key(crops, PoseRecipe(model=name)) for name in models}) == 3

    def test_the_key_changes_with_the_crops(self, workspace: Workspace) -> None:
        one, other = (write_crops(workspace, [grey(level)]) for level in (1, 2))
        assert pose_key(one, BLAZEPOSE) == pose_key(one, BLAZEPOSE)
        assert pose_key(one, BLAZEPOSE) != pose_key(other, BLAZEPOSE)


@pytest.mark.slow
def test_a_real_person_passes_through_the_stage(workspace: Workspace) -> None:
    person: Person = standing("dark coat")
    height, width = person.rgb.shape[:2]
    crops = write_crops(workspace, [person.rgb], person.box.xyxy, (0, 0, width, height))
    (row,) = _rows(workspace, _run(workspace, crops))
    assert min(json.loads(row["seen"])[:7]) > 0.9
    assert read_grey(workspace.path(row["mask_path"])).shape == (256, round(width * 256 / height))
