"""The real BlazePose on real people: which parts of a body are seen, and where."""

from collections.abc import Callable

import numpy as np
import pytest

from tasks.common.media.images import Rgb
from tasks.common.schema.boxes import Box
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights
from tasks.pose.blazepose import _load, find_pose
from tasks.pose.keypoints import PoseEstimate
from tests.pose.people import (
    OTHER_SIDE,
    PARTS,
    UPPER_BODY,
    Person,
    astronaut,
    heights,
    part_seen,
    picture,
    shift_px,
    standing,
)

pytestmark = pytest.mark.slow
WEIGHTS = find_weights("blazepose-full", "pose")
STANDING = ["fur coat", "dark coat"]
LEFT, RIGHT = 0, 1


def _pose(person: Person) -> PoseEstimate:
    return find_pose(person.rgb, person.box, WEIGHTS, settings())


def _whole(rgb: Rgb) -> Person:
    height, width = rgb.shape[:2]
    return Person(rgb, Box(0.0, 0.0, float(width), float(height)))


def _street(x0: int, y0: int, x1: int, y1: int) -> Rgb:
    return picture("ultralytics", "assets/bus.jpg")[y0:y1, x0:x1].copy()


NOBODY = {
    "black": lambda: np.zeros((500, 250, 3), np.uint8),
    "white": lambda: np.full((500, 250, 3), 255, np.uint8),
    "flat wall": lambda: np.full((500, 250, 3), 140, np.uint8),
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (500, 250, 3)).astype(np.uint8),
    "side of a bus": lambda: _street(360, 240, 600, 700),
    "door of a bus": lambda: _street(400, 500, 650, 700),
    "pavement": lambda: _street(350, 700, 650, 1000),
    "house": lambda: _street(0, 0, 300, 380),
    "grass": lambda: picture("skimage", "data/grass.png"),
    "rocket": lambda: picture("skimage", "data/rocket.jpg"),
}


@pytest.mark.parametrize("make", NOBODY.values(), ids=NOBODY.keys())
def test_where_nobody_is_nothing_is_seen(make: Callable[[], Rgb]) -> None:
    assert float(_pose(_whole(make())).seen.max()) < 0.2


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 2), (1, 500), (500, 1), (3, 90)])
def test_a_crop_of_a_few_pixels_is_no_obstacle_and_shows_nobody(size_wh: tuple[int, int]) -> None:
    pose = _pose(_whole(np.full((size_wh[1], size_wh[0], 3), 90, np.uint8)))
    assert bool(np.isfinite(pose.points_xy).all())
    assert float(pose.seen.max()) < 0.2


def test_a_box_without_a_size_is_no_obstacle() -> None:
    pose = _pose(Person(standing("dark coat").rgb, Box(10.0, 10.0, 10.0, 10.0)))
    assert float(pose.seen.max()) < 0.2


@pytest.mark.parametrize("who", STANDING)
def test_the_answer_has_the_shapes_and_ranges_that_it_promises(who: str) -> None:
    pose = _pose(standing(who))
    assert (pose.points_xy.shape, pose.points_xy.dtype) == ((17, 2), np.dtype(np.float32))
    assert (pose.seen.shape, pose.seen.dtype) == ((17,), np.dtype(np.float32))
    assert 0.0 <= float(pose.seen.min()) <= float(pose.seen.max()) <= 1.0


@pytest.mark.parametrize("who", STANDING)
class TestWholePerson:
    @pytest.mark.parametrize("part", PARTS)
    def test_every_part_is_seen(self, who: str, part: str) -> None:
        assert part_seen(_pose(standing(who)))[part] > 0.8

    @pytest.mark.parametrize("context", [0.2, 0.3])
    def test_a_wider_crop_leaves_every_part_seen(self, who: str, context: float) -> None:
        assert min(part_seen(_pose(standing(who, context))).values()) > 0.5

    def test_the_parts_come_from_top_to_bottom(self, who: str) -> None:
        ys = heights(_pose(standing(who)))
        assert sorted(ys, key=lambda part: ys[part]) == list(PARTS)

    @pytest.mark.parametrize("part", ["shoulders", "hips", "knees"])
    def test_the_left_of_who_faces_the_camera_is_on_the_right(self, who: str, part: str) -> None:
        xs = _pose(standing(who)).points_xy[PARTS[part], 0]
        assert xs[LEFT] > xs[RIGHT]

    def test_in_the_mirror_left_and_right_are_swapped(self, who: str) -> None:
        person = standing(who)
        plain, mirrored = _pose(person).points_xy, _pose(person.mirrored()).points_xy
        back = mirrored[OTHER_SIDE] * (-1, 1) + (person.rgb.shape[1], 0)
        for part in UPPER_BODY:
            assert shift_px(plain[PARTS[part]], back[PARTS[part]]) < 0.05 * person.height_px

    def test_it_is_the_same_twice(self, who: str) -> None:
        once, again = _pose(standing(who)), _pose(standing(who))
        assert np.array_equal(once.points_xy, again.points_xy)
        assert np.array_equal(once.seen, again.seen)

    @pytest.mark.parametrize("share", [0.5, 0.65], ids=["at the hips", "above the knees"])
    def test_a_picture_cut_above_the_knees_shows_no_legs(self, who: str, share: float) -> None:
        seen = part_seen(_pose(standing(who, 0.2).cut_below(share)))
        assert min(seen[part] for part in UPPER_BODY) > 0.8
        assert seen["knees"] < 0.5
        assert seen["ankles"] < 0.3

    def test_what_is_outside_the_picture_is_not_seen(self, who: str) -> None:
        person = standing(who).cut_below(0.65)
        pose = _pose(person)
        height, width = person.rgb.shape[:2]
        xs, ys = pose.points_xy.T
        outside = (xs < 0) | (xs >= width) | (ys < 0) | (ys >= height)
        assert int(outside.sum()) >= 1
        assert float(pose.seen[outside].max()) <= 0.5  # at most one of the two looks saw it inside


def test_a_portrait_shows_head_and_shoulders() -> None:
    seen = part_seen(_pose(astronaut()))
    assert min(seen["head"], seen["shoulders"]) > 0.9


@pytest.mark.parametrize("quarters", [1, 3], ids=["to the left", "to the right"])
def test_a_person_turned_by_90_degrees_still_has_a_head_where_it_is(quarters: int) -> None:
    upright, person = astronaut(), astronaut()
    points = _pose(upright).points_xy[PARTS["head"]]
    for _ in range(quarters):
        points = points[:, ::-1] * (1, -1) + (0, person.rgb.shape[1])
        person = person.turned_left()
    pose = _pose(person)
    assert part_seen(pose)["head"] > 0.5
    assert shift_px(pose.points_xy[PARTS["head"]], points) < 0.2 * upright.height_px


def test_the_network_is_loaded_once_per_process() -> None:
    _pose(astronaut())
    _pose(astronaut())
    assert _load.cache_info().misses == 1
