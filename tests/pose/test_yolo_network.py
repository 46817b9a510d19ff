"""The way through ultralytics with a real, though untrained, network."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.common.errors import WeightsError
from tasks.common.files import digest_file
from tasks.common.schema.boxes import Box
from tasks.common.settings import Settings, settings
from tasks.common.weights.catalogue import Weights
from tasks.common.weights.yolo import load_yolo
from tasks.pose.yolo import find_pose

pytestmark = pytest.mark.slow
GREY = np.full((320, 320, 3), 127, np.uint8)
BOX = Box(40.0, 40.0, 280.0, 280.0)
Make = Callable[..., Weights]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Save an untrained network that calls each cell a person, or none; return its weights."""

    def made(*, person_logit: float, point: float = 0.0, seen_logit: float = 0.0) -> Weights:
        network = load_yolo(Path("yolo11n-pose.yaml"), "pose", tmp_path)
        import torch

        head = network.model.model[-1]
        with torch.no_grad():
            for classes, points in zip(head.cv3, head.cv4, strict=True):
                classes[-1].bias.fill_(person_logit)
                points[-1].bias.fill_(point)
                points[-1].bias[2::3] = seen_logit
        network.save(tmp_path / "untrained.pt")
        entry: dict[str, Any] = {"from": ()}
        return Weights(
            name="untrained",
            role="pose",
            file="untrained.pt",
            sha256=digest_file(tmp_path / "untrained.pt"),
            licence="none",
            session="yolo",
            **entry,
        )

    return made


@pytest.fixture
def machine(tmp_path: Path) -> Settings:
    return settings().model_copy(update={"models": tmp_path})


class TestUntrainedNetwork:
    def test_one_that_knows_nobody_sees_nothing(self, make: Make, machine: Settings) -> None:
        pose = find_pose(GREY, BOX, make(person_logit=-9.0), machine)
        assert pose.seen.tolist() == [0.0] * 17
        assert {pose.points_xy.dtype, pose.seen.dtype} == {np.dtype(np.float32)}

    def test_one_that_sees_people_everywhere_gives_points_inside_and_shares(
        self, make: Make, machine: Settings
    ) -> None:
        pose = find_pose(GREY, BOX, make(person_logit=5.0), machine)
        assert (pose.points_xy.shape, pose.seen.shape) == ((17, 2), (17,))
        assert 0.0 <= float(pose.points_xy.min()) <= float(pose.points_xy.max()) < 320.0
        assert pose.seen.tolist() == pytest.approx([0.5] * 17, abs=0.05)
        assert pose.mask is None

    def test_points_beyond_the_right_and_lower_edge_are_not_seen(
        self, make: Make, machine: Settings
    ) -> None:
        pose = find_pose(GREY, BOX, make(person_logit=5.0, point=50.0, seen_logit=9.0), machine)
        assert pose.seen.tolist() == [0.0] * 17

    def test_it_is_the_same_twice(self, make: Make, machine: Settings) -> None:
        weights = make(person_logit=5.0)
        once, again = (find_pose(GREY, BOX, weights, machine) for _ in range(2))
        assert np.array_equal(once.points_xy, again.points_xy)
        assert np.array_equal(once.seen, again.seen)

    def test_a_file_with_other_bytes_is_never_loaded(self, make: Make, machine: Settings) -> None:
        weights = make(person_logit=5.0).model_copy(update={"sha256": "0" * 64})
        with pytest.raises(WeightsError, match="The weights untrained"):
            find_pose(GREY, BOX, weights, machine)


def test_pillow_opens_pictures_as_before_once_a_model_was_loaded(tmp_path: Path) -> None:
    """In a process of its own, where ultralytics was not imported before."""
    script = (
        "import sys; from pathlib import Path; from PIL import Image; before = Image.open\n"
        "from tasks.common.weights.yolo import load_yolo\n"
        "assert 'ultralytics' not in sys.modules\n"
        f"load_yolo(Path('yolo11n-pose.yaml'), 'pose', Path({str(tmp_path)!r}))\n"
        "assert 'ultralytics' in sys.modules\n"
        "print(Image.open is before)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    assert said.stdout.split()[-1] == "True"
