"""The recipe's opinions: which models are asked, and what becomes of their answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.common.digests import content_key
from tasks.common.files import digest_file
from tasks.common.media.images import Mask, encode_png
from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import AdmittedTable, CropsTable, PosesTable, Source
from tasks.common.schema.rows import Crop, Matte, Pose
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.matte import cache
from tasks.matte.stage import matte_crops, matte_key, matte_paths
from tests.matte.stand_ins import DARK, MARKED, SIZE_WH, FakeNetworks, marked, write_inputs

SOURCE = Source(source_id="clip", uri="clip.mp4")
ALONE = MatteRecipe(model="u2netp")
THREE = MatteRecipe(model="u2netp", opinions=("isnet-small", "isnet-medium"))
POSED = MatteRecipe(model="isnet-medium", opinions=("u2netp", "blazepose-full"))
BODY = (10, 8, 22, 34)


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch) -> FakeNetworks:
    fake = FakeNetworks()
    monkeypatch.setattr(cache, "matte", fake)
    return fake


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def _poses(workspace: Workspace, crops: CropsTable, seen: float = 0.9) -> PosesTable:
    """Write poses of all crops: a mask, and one joint within it."""
    out = ArtifactWriter(workspace, "pose", content_key("pose", crops.digest, seen))
    mask = np.zeros(SIZE_WH[::-1], np.uint8)
    mask[BODY[1] : BODY[3], BODY[0] : BODY[2]] = 255
    path, digest = out.put("mask.png", encode_png(mask))
    rows = [
        Pose(crop.crop_id, ((15.0, 20.0),), (seen,), path, digest, "blazepose-full", "0")
        for crop in workspace.rows(Crop, crops)
    ]
    return PosesTable(out.commit_rows(Pose, rows, [], n_in=len(rows)))


def _matte(
    workspace: Workspace,
    recipe: MatteRecipe,
    inputs: tuple[CropsTable, AdmittedTable],
    poses: PosesTable | None = None,
) -> Matte:
    out = ArtifactWriter(workspace, "matte", matte_key(*inputs, recipe, poses))
    (row,) = workspace.rows(Matte, matte_crops(out, SOURCE, *inputs, recipe, poses))
    return row


def _drawn(workspace: Workspace, crops: CropsTable, mask: Mask) -> CropsTable:
    """Write the one crop again, with a mask that came along."""
    given = ArtifactWriter(workspace, "detect", "e" * 40)
    path, digest = given.put("drawn.png", encode_png(mask))
    (crop,) = workspace.rows(Crop, crops)
    crop = replace(crop, given_path=path, given_digest=digest, channel="people")
    return CropsTable(given.commit_rows(Crop, [crop], [], n_in=1))


def test_each_model_is_asked_once(workspace: Workspace, networks: FakeNetworks) -> None:
    _matte(workspace, THREE, write_inputs(workspace, [DARK]))
    assert networks.asked == ["u2netp", "isnet-small", "isnet-medium"]


def test_a_model_that_is_an_opinion_and_the_second_opinion_is_asked_once(
    workspace: Workspace, networks: FakeNetworks
) -> None:
    recipe = THREE.model_copy(update={"second_opinion": "isnet-small"})
    row = _matte(workspace, recipe, write_inputs(workspace, [DARK]))
    assert sorted(networks.asked) == ["isnet-medium", "isnet-small", "u2netp"]
    assert row.second_path is not None


def test_opinions_that_come_later_do_not_ask_the_first_model_again(
    workspace: Workspace, networks: FakeNetworks
) -> None:
    inputs = write_inputs(workspace, [DARK])
    _matte(workspace, ALONE, inputs)
    _matte(workspace, THREE, inputs)
    assert networks.asked == ["u2netp", "isnet-small", "isnet-medium"]


def test_the_mask_is_where_most_of_the_opinions_meet(workspace: Workspace) -> None:
    row = _matte(workspace, THREE, write_inputs(workspace, [DARK]))
    # isnet-medium marks the whole crop, the other two nearly the same rectangle.
    x0, y0, x1, y1 = marked(workspace, row.mask_path)
    assert MARKED["u2netp"][0] <= x0 <= MARKED["isnet-small"][0]
    assert MARKED["u2netp"][2] <= x1 <= MARKED["isnet-small"][2]
    assert (y0, y1) == (6, 36)


def test_alpha_and_channel_are_those_of_the_fused_mask(workspace: Workspace) -> None:
    row = _matte(workspace, THREE, write_inputs(workspace, [DARK]))
    assert row.alpha_digest == digest_file(workspace.path(row.alpha_path))
    assert row.alpha_path.startswith("matte/")
    assert "items" not in row.alpha_path  # where the models' own answers lie
    assert row.model == "u2netp+isnet-small+isnet-medium"
    assert row.channel == "rembg u2netp+isnet-small+isnet-medium"
    assert len(set(row.model_digest.split("+"))) == 3


def test_the_pose_models_mask_is_an_opinion(workspace: Workspace, networks: FakeNetworks) -> None:
    inputs = write_inputs(workspace, [DARK])
    row = _matte(workspace, POSED, inputs, _poses(workspace, inputs[0]))
    assert networks.asked == ["isnet-medium", "u2netp"]
    # isnet-medium marks the whole crop; u2netp and the pose nearly the same rectangle.
    x0, _, x1, _ = marked(workspace, row.mask_path)
    assert 8 <= x0 <= BODY[0]
    assert BODY[2] <= x1 <= 24


def test_a_pose_without_a_mask_leaves_the_other_opinions(workspace: Workspace) -> None:
    inputs = write_inputs(workspace, [DARK])
    out = ArtifactWriter(workspace, "pose", "f" * 40)
    pose = Pose("c0", ((15.0, 20.0),), (0.9,), None, None, "yolo11n-pose", "0")
    poses = PosesTable(out.commit_rows(Pose, [pose], [], n_in=1))
    assert marked(workspace, _matte(workspace, POSED, inputs, poses).mask_path)


def test_an_annotation_that_came_along_is_not_fused(
    workspace: Workspace, networks: FakeNetworks
) -> None:
    inputs = write_inputs(workspace, [DARK])
    drawn = np.zeros(SIZE_WH[::-1], np.uint8)
    drawn[6:36, 12:20] = 1
    row = _matte(workspace, THREE, (_drawn(workspace, inputs[0], drawn), inputs[1]))
    assert networks.asked == []
    assert (row.model, row.channel) == ("given", "people")
    assert marked(workspace, row.mask_path) == (12, 6, 20, 36)


def test_where_no_network_sees_a_person_the_drop_names_them_all(workspace: Workspace) -> None:
    inputs = write_inputs(workspace, [0])
    out = ArtifactWriter(workspace, "matte", matte_key(*inputs, THREE))
    result = matte_crops(out, SOURCE, *inputs, THREE)
    (drop,) = workspace.drop_rows(result)
    assert drop["sentence"].startswith("u2netp+isnet-small+isnet-medium marks no pixel")


def test_all_models_answers_are_removed_for_a_rerun(workspace: Workspace) -> None:
    inputs = write_inputs(workspace, [DARK])
    _matte(workspace, THREE, inputs)
    paths = matte_paths(*inputs, THREE, workspace)
    assert len(paths) == 3
    assert all(workspace.path(path).is_file() for path in paths)


class TestKey:
    def test_it_changes_with_the_opinions(self, workspace: Workspace) -> None:
        inputs = write_inputs(workspace, [DARK])
        two = MatteRecipe(model="u2netp", opinions=("isnet-small",))
        assert len({matte_key(*inputs, recipe) for recipe in (ALONE, two, THREE)}) == 3

    @pytest.mark.parametrize("recipe", [ALONE, POSED], ids=["alone", "fused"])
    def test_it_changes_with_the_poses(self, recipe: MatteRecipe, workspace: Workspace) -> None:
        inputs = write_inputs(workspace, [DARK])
        low, high = (_poses(workspace, inputs[0], seen) for seen in (0.1, 0.9))
        assert len({matte_key(*inputs, recipe, poses) for poses in (low, high, None)}) == 3


class TestForeignParts:
    """A flag beside the person is no person, whichever models were asked."""

    FLAG = (21, 2, 24, 5)  # within what is published

    def test_a_part_beside_the_person_leaves_the_mask_of_a_single_model(
        self, workspace: Workspace, networks: FakeNetworks
    ) -> None:
        networks.flag = self.FLAG
        recipe = ALONE.model_copy(update={"margin": 0.2})
        row = _matte(workspace, recipe, write_inputs(workspace, [DARK]))
        assert marked(workspace, row.mask_path) == MARKED["u2netp"]
        n_flag, n_person = 3 * 3, 16 * 30
        assert row.foreign_share == pytest.approx(n_flag / (n_flag + n_person), abs=1e-6)

    def test_a_part_with_a_sure_joint_is_the_persons(
        self, workspace: Workspace, networks: FakeNetworks
    ) -> None:
        networks.flag = (14, 38, 17, 40)  # a foot, below a gap of two rows
        inputs = write_inputs(workspace, [DARK])
        out = ArtifactWriter(workspace, "pose", "d" * 40)
        ankle = Pose("c0", ((15.0, 38.0),), (0.9,), None, None, "yolo11n-pose", "0")
        poses = PosesTable(out.commit_rows(Pose, [ankle], [], n_in=1))
        row = _matte(workspace, ALONE, inputs, poses)
        assert marked(workspace, row.mask_path) == (8, 6, 24, 40)
        assert row.foreign_share == 0.0

    def test_what_somebody_drew_stays_as_it_is(self, workspace: Workspace) -> None:
        drawn = np.zeros(SIZE_WH[::-1], np.uint8)
        drawn[6:36, 12:20] = 1
        drawn[2:5, 21:24] = 1
        inputs = write_inputs(workspace, [DARK])
        row = _matte(workspace, ALONE, (_drawn(workspace, inputs[0], drawn), inputs[1]))
        assert marked(workspace, row.mask_path) == (12, 2, 24, 36)
        assert row.foreign_share == 0.0
