"""The mask that BlazePose gives beside the pose: on the person, small, and the same twice."""

import numpy as np
import pytest

from tasks.common.media.images import Alpha
from tasks.common.schema.boxes import Box
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights
from tasks.pose.blazepose import find_pose
from tests.pose.people import Person, astronaut, standing

pytestmark = pytest.mark.slow
WEIGHTS = find_weights("blazepose-full", "pose")
PEOPLE = {
    "fur coat": lambda: standing("fur coat"),
    "dark coat": lambda: standing("dark coat"),
    "dark coat from afar": lambda: standing("dark coat", 0.3),
    "astronaut": astronaut,
}


def _mask(person: Person) -> Alpha:
    mask = find_pose(person.rgb, person.box, WEIGHTS, settings()).mask
    assert mask is not None
    return mask


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 500), (500, 1)])
def test_even_a_single_row_or_column_has_a_mask(size_wh: tuple[int, int]) -> None:
    rgb = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    mask = _mask(Person(rgb, Box(0.0, 0.0, float(size_wh[0]), float(size_wh[1]))))
    assert mask.shape == (min(256, size_wh[1]), min(256, size_wh[0]))


@pytest.fixture(params=PEOPLE)
def person(request: pytest.FixtureRequest) -> Person:
    return PEOPLE[request.param]()


def test_it_covers_the_crop_with_at_most_256_px(person: Person) -> None:
    mask = _mask(person)
    height, width = person.rgb.shape[:2]
    scale = min(1.0, 256 / max(height, width))
    assert mask.shape == (round(height * scale), round(width * scale))


def test_it_is_an_alpha(person: Person) -> None:
    mask = _mask(person)
    assert mask.dtype == np.float32
    assert 0.0 <= float(mask.min()) < 0.1
    assert 0.9 < float(mask.max()) <= 1.0


def test_it_lies_in_the_box_and_fills_a_good_part_of_it(person: Person) -> None:
    mask = _mask(person) >= 0.5
    scale = mask.shape[0] / person.rgb.shape[0]
    x0, y0, x1, y1 = (round(edge * scale) for edge in person.box.xyxy)
    inside = int(mask[y0:y1, x0:x1].sum())
    assert inside / int(mask.sum()) > 0.9
    assert 0.4 < inside / ((x1 - x0) * (y1 - y0)) < 0.8


def test_the_middle_of_the_torso_is_in_it(person: Person) -> None:
    pose = find_pose(person.rgb, person.box, WEIGHTS, settings())
    mask = _mask(person)
    x, y = pose.points_xy[[5, 6, 11, 12]].mean(axis=0) * mask.shape[0] / person.rgb.shape[0]
    assert float(mask[int(y), int(x)]) > 0.9


def test_in_the_mirror_it_is_mirrored(person: Person) -> None:
    plain, back = _mask(person) >= 0.5, _mask(person.mirrored())[:, ::-1] >= 0.5
    assert (plain & back).sum() / (plain | back).sum() > 0.9


def test_it_is_the_same_twice(person: Person) -> None:
    assert np.array_equal(_mask(person), _mask(person))
