"""What a model of segmentation is told of each crop, and what becomes of its answer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.common.media.images import Rgb
from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import AdmittedTable, CropsTable, Source
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, Matte, Pose
from tasks.common.settings import Settings, settings
from tasks.common.weights import catalogue
from tasks.common.weights.add import add_weights
from tasks.common.weights.catalogue import Weights
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.matte import cache
from tasks.matte.prompts import Prompts
from tasks.matte.segment import Prompt
from tasks.matte.session import Prediction
from tasks.matte.stage import matte_crops, matte_key, matte_paths
from tests.matte.stand_ins import DARK, FakeNetworks, marked, write_inputs

SEGMENTED = (8, 6, 20, 36)


def _crop(name: str, person: Box, area: Box, frame: str = "f") -> Crop:
    return Crop(name, frame, "m", 0.0, (200, 100), "flat", person, area, 0.9, (), "p", "d")


def _pose(name: str, *joints: tuple[float, float], seen: tuple[float, ...] = ()) -> Pose:
    return Pose(name, joints, seen or (0.9,) * len(joints), None, None, "blazepose-full", "0")


LEFT = _crop("left", Box(12, 12, 40, 90), Box(0, 0, 70, 100))
RIGHT = _crop("right", Box(50, 12, 90, 90), Box(30, 0, 110, 100))


def test_the_three_surest_joints_are_told() -> None:
    pose = _pose("left", (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), seen=(0.6, 0.9, 0.4, 0.8, 0.7))
    prompt = Prompts([LEFT], {"left": pose}).of(LEFT)
    assert prompt == Prompt(LEFT.person_in_crop, ((2.0, 2.0), (4.0, 4.0), (5.0, 5.0)), ())


def test_joints_of_others_are_moved_into_the_crop_and_told_as_not_meant() -> None:
    poses = {"left": _pose("left", (20, 20)), "right": _pose("right", (25, 30), (79, 30))}
    prompt = Prompts([LEFT, RIGHT], poses).of(LEFT)
    # The right crop begins at x = 30; its second joint lies outside the left crop.
    assert prompt.points_xy == ((20.0, 20.0),)
    assert prompt.others_xy == ((55.0, 30.0),)


def test_people_of_other_frames_are_not_told() -> None:
    later = replace(RIGHT, frame_id="g")
    poses = {"right": _pose("right", (25, 30))}
    assert Prompts([LEFT, later], poses).of(LEFT).others_xy == ()


def test_without_poses_the_box_alone_is_told() -> None:
    assert Prompts([LEFT, RIGHT], {}).of(LEFT) == Prompt(LEFT.person_in_crop)


class FakeSegmenter:
    """Marks a rectangle, or nothing, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Prompt] = []
        self.is_silent = False

    def __call__(
        self, rgb: Rgb, prompt: Prompt, weights: Weights, settings: Settings
    ) -> Prediction:
        self.asked.append(prompt)
        alpha = np.zeros(rgb.shape[:2], np.float32)
        if not self.is_silent:
            alpha[:] = 0.05
            x0, y0, x1, y1 = SEGMENTED
            alpha[y0:y1, x0:x1] = 0.95
        return Prediction(alpha, 0.0, 1.0)


class TestStage:
    RECIPE = MatteRecipe(model="isnet-medium")

    @pytest.fixture(autouse=True)
    def segmenter(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSegmenter:
        """Add a model of segmentation whose answers are the stand-in's."""
        monkeypatch.setenv("MATTEFLOW_MODELS", str(tmp_path / "models"))
        settings.cache_clear()
        file = tmp_path / "sam2.1_t.pt"
        file.write_bytes(b"weights")
        entry = {"name": "sam2", "role": "segmentation", "session": "sam2", "licence": "Apache-2.0"}
        add_weights(file, settings().models, dict(entry))
        catalogue._read_both.cache_clear()
        fake = FakeSegmenter()
        monkeypatch.setattr(cache, "segment", fake)
        monkeypatch.setattr(cache, "matte", FakeNetworks())
        return fake

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Workspace:
        return Workspace(tmp_path / "workspace")

    @pytest.fixture
    def inputs(self, workspace: Workspace) -> tuple[CropsTable, AdmittedTable]:
        return write_inputs(workspace, [DARK])

    @pytest.fixture
    def recipe(self, segmenter: FakeSegmenter) -> MatteRecipe:
        return MatteRecipe(model="isnet-medium", opinions=("sam2", "u2netp"))

    def _matte(
        self,
        workspace: Workspace,
        recipe: MatteRecipe,
        inputs: tuple[CropsTable, AdmittedTable],
    ) -> Matte:
        out = ArtifactWriter(workspace, "matte", matte_key(*inputs, recipe))
        source = Source(source_id="clip", uri="clip.mp4")
        (row,) = workspace.rows(Matte, matte_crops(out, source, *inputs, recipe))
        return row

    def test_its_answer_is_an_opinion(
        self,
        workspace: Workspace,
        inputs: tuple[CropsTable, AdmittedTable],
        recipe: MatteRecipe,
        segmenter: FakeSegmenter,
    ) -> None:
        row = self._matte(workspace, recipe, inputs)
        assert segmenter.asked == [Prompt(Box(4, 2, 28, 38))]
        assert row.model == "isnet-medium+sam2+u2netp"
        # isnet-medium marks the whole crop; the other two agree on a smaller part.
        x0, y0, _, y1 = marked(workspace, row.mask_path)
        assert (x0, y0, y1) == (8, 6, 36)

    def test_a_model_that_sees_nobody_is_left_out(
        self,
        workspace: Workspace,
        inputs: tuple[CropsTable, AdmittedTable],
        recipe: MatteRecipe,
        segmenter: FakeSegmenter,
    ) -> None:
        segmenter.is_silent = True
        row = self._matte(workspace, recipe, inputs)
        without = MatteRecipe(model="isnet-medium", opinions=("u2netp",))
        assert row.mask_digest == self._matte(workspace, without, inputs).mask_digest

    def test_it_is_asked_once_and_asked_again_after_a_rerun(
        self,
        workspace: Workspace,
        inputs: tuple[CropsTable, AdmittedTable],
        recipe: MatteRecipe,
        segmenter: FakeSegmenter,
    ) -> None:
        self._matte(workspace, recipe, inputs)
        self._matte(workspace, recipe, inputs)
        assert len(segmenter.asked) == 1
        paths = matte_paths(*inputs, recipe, workspace)
        assert all(workspace.path(path).is_file() for path in paths)
        workspace.remove(paths)
        self._matte(workspace, recipe, inputs)
        assert len(segmenter.asked) == 2
