"""Poses by ultralytics: whose pose is taken, and what of it is seen."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.common.schema.boxes import Box
from tasks.common.settings import settings
from tasks.pose import yolo
from tasks.pose.keypoints import PoseEstimate
from tasks.pose.yolo import find_pose, pose_of

pytestmark = pytest.mark.slow
BOX = Box(40.0, 40.0, 280.0, 280.0)
NOBODY: list[Any] = []


def _answer(
    boxes: list[tuple[float, float, float, float]],
    points: dict[int, tuple[float, float, float]] | None = None,
) -> Any:
    """Return ultralytics' own answer for a picture 100 px wide and 200 px high.

    Person k has all keypoints at (10 + k, 20 + k), seen with 0.9; the first has those of `points`.
    """
    import torch
    from ultralytics.engine.results import Results

    rows = [[*box, 0.8, 0.0] for box in boxes]
    people = torch.tensor([[[10.0 + k, 20.0 + k, 0.9]] * 17 for k in range(len(boxes))])
    for number, point in (points or {}).items():
        people[0, number] = torch.tensor(point)
    return Results(
        np.zeros((200, 100, 3), np.uint8),
        path="",
        names={0: "person"},
        boxes=torch.tensor(rows).reshape(-1, 6),
        keypoints=people.reshape(-1, 17, 3),
    )


def _pose_of(answer: Any) -> PoseEstimate:
    return pose_of(answer, Box(20.0, 20.0, 80.0, 180.0), (100, 200))


@pytest.fixture(autouse=True)
def _pillow_keeps_its_own_open() -> Any:
    """These tests import ultralytics themselves, which replaces it for everybody."""
    opened_by = Image.open
    yield
    Image.open = opened_by


def _nothing_seen(pose: PoseEstimate) -> bool:
    return bool((pose.seen == np.zeros(17)).all() and (pose.points_xy == np.zeros((17, 2))).all())


class TestWhosePose:
    @pytest.mark.parametrize(
        "boxes",
        [
            pytest.param([], id="nobody"),
            pytest.param([(0, 0, 15, 15)], id="beside the box"),
            pytest.param([(20, 20, 37, 180)], id="a slice of the box"),
            pytest.param([(0, 0, 0, 0)], id="a box without a size"),
        ],
    )
    def test_nothing_is_seen_when_nobody_stands_in_the_detectors_box(self, boxes: Any) -> None:
        assert _nothing_seen(_pose_of(_answer(boxes)))

    def test_the_one_in_the_detectors_box_is_taken_whatever_the_order(self) -> None:
        own, neighbour = (22.0, 22.0, 82.0, 182.0), (0.0, 20.0, 50.0, 180.0)
        for number, boxes in enumerate([[own, neighbour], [neighbour, own]]):
            points = _pose_of(_answer(boxes)).points_xy
            assert points.tolist() == [[10.0 + number, 20.0 + number]] * 17

    @pytest.mark.parametrize(
        ("right", "is_same"), [(37.9, False), (38.1, True)], ids=["just too little", "just enough"]
    )
    def test_three_tenths_of_overlap_make_the_same_person(
        self, right: float, is_same: bool
    ) -> None:
        pose = _pose_of(_answer([(20, 20, right, 180)]))
        assert _nothing_seen(pose) is not is_same

    def test_keypoints_and_confidences_are_taken_as_they_are(self) -> None:
        pose = _pose_of(_answer([(20, 20, 80, 180)], {3: (31.5, 44.25, 0.125)}))
        assert {pose.points_xy.dtype, pose.seen.dtype} == {np.dtype(np.float32)}
        assert (pose.points_xy[3].tolist(), float(pose.seen[3])) == ([31.5, 44.25], 0.125)
        assert pose.seen[4:].tolist() == pytest.approx([0.9] * 13)

    @pytest.mark.parametrize(
        ("x", "y"),
        [(-1, 50), (100, 50), (50, -1), (50, 200), (0, 50), (50, 0)],
        ids=["left", "right", "up", "down", "moved to the left edge", "moved to the upper edge"],
    )
    def test_a_keypoint_outside_the_picture_is_not_seen(self, x: float, y: float) -> None:
        pose = _pose_of(_answer([(20, 20, 80, 180)], {5: (x, y, 0.9)}))
        assert np.nonzero(pose.seen == 0)[0].tolist() == [5]

    def test_there_is_no_mask(self) -> None:
        assert _pose_of(_answer([])).mask is None
        assert _pose_of(_answer([(20, 20, 80, 180)])).mask is None


def test_the_network_is_fed_blue_first(monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[Any] = []

    class Network:
        def predict(self, bgr: Any, **_: Any) -> list[Any]:
            fed.append(bgr)
            return [_answer(NOBODY)]

    monkeypatch.setattr(yolo, "_load", lambda *_: Network())
    red = np.zeros((5, 4, 3), np.uint8) + np.array([255, 0, 9], np.uint8)
    entry: Any = None
    find_pose(red, BOX, entry, settings())
    assert fed[0].shape == (5, 4, 3)
    assert np.unique(fed[0].reshape(-1, 3), axis=0).tolist() == [[9, 0, 255]]
