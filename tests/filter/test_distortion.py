"""How far a lens stretches a person: by place in a round picture, by limbs in a flat one."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.records import Projection
from tasks.filter.rules import distortion
from tests.filter.builders import N_POINTS, Corners, make_pose, make_subject, value_of

TALL = 200.0
# A person of height 1 who stands upright with hanging arms, by the same anatomy: y of each joint.
HEIGHTS = [0.08, *[0.07] * 2, *[0.08] * 2]
for length in (0.18, 0.366, 0.512, 0.468, 0.713, 0.959):
    HEIGHTS += [length] * 2
LEFT_WRIST, RIGHT_WRIST, LEFT_ELBOW = 9, 10, 7


def standing() -> np.ndarray:
    sides = [150.0] * 5 + [170.0, 130.0] * 6
    return np.array([(x, 50 + TALL * y) for x, y in zip(sides, HEIGHTS, strict=True)])


def measured(
    root: Path, points: np.ndarray, seen: list[float] | None = None, projection: Projection = "flat"
) -> float | None:
    pose = make_pose(root, points=points, seen=seen)
    return distortion.measure(make_subject(root, pose=pose, projection=projection))


def test_without_a_pose_model_nothing_is_said_of_a_flat_picture(tmp_path: Path) -> None:
    assert distortion.measure(make_subject(tmp_path)) is None


@pytest.mark.parametrize("projection", ["flat", "unknown"])
def test_an_upright_body_is_not_stretched(tmp_path: Path, projection: Projection) -> None:
    assert measured(tmp_path, standing(), projection=projection) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("times", [1.5, 2.0, 4.0])
def test_one_long_forearm_is_told_by_how_much_longer_it_is(tmp_path: Path, times: float) -> None:
    points = standing()
    points[LEFT_WRIST, 1] = points[LEFT_ELBOW, 1] + times * 0.146 * TALL
    assert measured(tmp_path, points) == pytest.approx(times, rel=1e-4)


def test_the_same_stretch_of_the_whole_body_is_not_told(tmp_path: Path) -> None:
    assert measured(tmp_path, standing() * 3.0) == pytest.approx(1.0, abs=1e-4)


def test_arms_held_out_in_a_picture_twice_as_wide_are_told(tmp_path: Path) -> None:
    points = standing()
    for shoulder, elbow, wrist, sign in ((5, 7, 9, 1), (6, 8, 10, -1)):
        points[elbow] = points[shoulder] + [2 * sign * 0.186 * TALL, 0]
        points[wrist] = points[elbow] + [2 * sign * 0.146 * TALL, 0]
    assert measured(tmp_path, points) == pytest.approx(2.0, rel=1e-4)


@pytest.mark.parametrize(
    ("unseen", "value"),
    [
        pytest.param(range(N_POINTS), None, id="nothing is seen"),
        pytest.param([LEFT_WRIST, RIGHT_WRIST, 15, 16], 1.0, id="six segments are enough"),
        pytest.param([LEFT_WRIST, RIGHT_WRIST, 13, 16], None, id="five are not"),
    ],
)
def test_only_segments_with_both_ends_in_view_count(
    tmp_path: Path, unseen: list[int], value: float | None
) -> None:
    seen = [0.49 if point in unseen else 0.5 for point in range(N_POINTS)]
    assert measured(tmp_path, standing(), seen) == (value and pytest.approx(value, abs=1e-4))


def test_a_body_in_one_point_has_no_lengths(tmp_path: Path) -> None:
    assert measured(tmp_path, np.full((N_POINTS, 2), 100.0)) is None


def placed(root: Path, projection: Projection, person: Corners) -> float:
    subject = make_subject(root, frame_wh=(400, 200), person=person, projection=projection)
    return value_of(distortion.RULE, subject)


@pytest.mark.parametrize(
    ("projection", "person", "value"),
    [
        pytest.param("equirectangular", (100, 100, 120, 100), 1.0, id="on the horizon"),
        pytest.param("equirectangular", (0, 50, 400, 50), math.sqrt(2), id="at 45 degrees up"),
        pytest.param("equirectangular", (0, 150, 9, 150), math.sqrt(2), id="at 45 degrees down"),
        pytest.param("equirectangular", (0, 200 / 6, 9, 200 / 6), 2.0, id="at 60 degrees"),
        pytest.param("equirectangular", (0, 0, 400, 0), 100.0, id="at the pole"),
        pytest.param("equirectangular", (0, 200, 400, 200), 100.0, id="at the other pole"),
        pytest.param("fisheye", (200, 100, 200, 100), 1.0, id="on the axis"),
        pytest.param("fisheye", (300, 100, 300, 100), math.pi / 2, id="on the rim"),
        pytest.param("fisheye", (200, 50, 200, 50), math.pi / 4 * math.sqrt(2), id="half way"),
        pytest.param("fisheye", (0, 0, 0, 0), math.pi / 2, id="beyond the rim"),
    ],
)
def test_the_stretch_follows_from_the_place_in_a_round_picture(
    tmp_path: Path, projection: Projection, person: Corners, value: float
) -> None:
    assert placed(tmp_path, projection, person) == pytest.approx(value)


def test_a_small_person_around_the_horizon_is_hardly_stretched(tmp_path: Path) -> None:
    value = placed(tmp_path, "equirectangular", (100, 90, 110, 110))
    assert 1.0 < value < 1.01


def test_a_round_picture_asks_no_keypoints(tmp_path: Path) -> None:
    points = standing()
    points[LEFT_WRIST, 1] = 4000.0
    pose = make_pose(tmp_path, points=points)
    subject = make_subject(
        tmp_path, person=(100, 150, 110, 150), projection="equirectangular", pose=pose
    )
    assert distortion.measure(subject) == pytest.approx(1.0)


@given(y=st.floats(0, 95), step=st.floats(0, 5), x=st.floats(0, 390))
def test_the_nearer_to_the_pole_the_more_it_stretches(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, step: float
) -> None:
    root = tmp_path_factory.mktemp("subject")
    here = placed(root, "equirectangular", (x, y, x + 10, y))
    below = placed(root, "equirectangular", (x, y + step, x + 10, y + step))
    assert here >= below >= 1.0
