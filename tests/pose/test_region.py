"""What BlazePose is shown: the square around a body, and the way back to the crop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.pose.blazepose import _around_body, _cut_out, _mask, _Output, _Region, _sigmoid
from tasks.pose.keypoints import in_picture

SIDE_PX = 256
px = st.floats(-500, 500)


def _answer(
    centre: tuple[float, float] = (0.0, 0.0),
    circle: tuple[float, float] = (0.0, 0.0),
    region: _Region | None = None,
) -> _Output:
    landmarks = np.zeros((39, 2), np.float32)
    landmarks[33], landmarks[34] = centre, circle
    to_crop = (region or _Region((0.0, 0.0), 1.0)).to_crop()
    ones = np.ones((SIDE_PX, SIDE_PX), np.float32)
    return _Output(landmarks, np.ones(39, np.float32), 1.0, ones, to_crop)


def _in_crop(region: _Region, x: float, y: float) -> NDArray[np.float64]:
    return np.asarray(region.to_crop() @ np.array([x, y, 1.0]))


@given(px, px, st.floats(1, 500), st.floats(-4, 4))
def test_the_middle_of_the_input_is_the_middle_of_the_region(
    x: float, y: float, side_px: float, angle: float
) -> None:
    region = _Region((x, y), side_px, angle)
    assert _in_crop(region, 128, 128) == pytest.approx([x, y], abs=1e-6)


def test_an_upright_region_keeps_up_where_it_is() -> None:
    region = _Region((100.0, 50.0), 40.0)
    assert _in_crop(region, 0, 0) == pytest.approx([80.0, 30.0])
    assert _in_crop(region, SIDE_PX, 0) == pytest.approx([120.0, 30.0])


@given(px, px, st.floats(5, 500), st.floats(-3.1, 3.1))
def test_around_a_body_the_circle_point_is_straight_above_the_hips(
    x: float, y: float, radius: float, angle: float
) -> None:
    circle = (x + radius * np.sin(angle), y - radius * np.cos(angle))
    region = _around_body(_answer((x, y), circle))
    above = SIDE_PX / 2 - SIDE_PX / 2 / 1.25
    assert _in_crop(region, 128, 128) == pytest.approx([x, y], abs=0.01)
    assert _in_crop(region, 128, above) == pytest.approx(list(circle), abs=0.01)


def test_around_a_body_without_a_size_there_is_still_a_region() -> None:
    region = _around_body(_answer((7.0, 9.0), (7.0, 9.0)))
    assert (region.centre_xy, region.side_px) == ((7.0, 9.0), 8.0)


def test_beyond_the_crop_the_network_sees_black() -> None:
    region = _Region((50.0, 50.0), 200.0)
    seen = _cut_out(np.full((100, 100, 3), 255, np.uint8), region, region.to_crop())
    assert seen.shape == (SIDE_PX, SIDE_PX, 3)
    assert np.unique(seen[70:186, 70:186]).tolist() == [255]
    assert np.unique(seen[:, :60]).tolist() == [0]
    assert np.unique(seen[200:]).tolist() == [0]


@pytest.mark.parametrize("scale", [1, 4], ids=["as it is", "scaled down"])
def test_the_mask_is_where_the_region_was(scale: int) -> None:
    region = _Region((100.0 * scale, 60.0 * scale), 40.0 * scale)
    mask = _mask(_answer(region=region), (256 * scale, 128 * scale))
    assert mask.shape == (128, 256)
    assert np.unique(mask[42:78, 82:118]).tolist() == [1.0]
    mask[38:82, 78:122] = 0.0
    assert np.unique(mask).tolist() == [0.0]


def test_no_points_are_in_no_picture() -> None:
    assert in_picture(np.zeros((0, 2), np.float32), (10, 10)).tolist() == []


@pytest.mark.parametrize(
    ("xy", "inside"),
    [
        pytest.param((0.0, 0.0), True, id="top left corner"),
        pytest.param((19.9, 9.9), True, id="last pixel"),
        pytest.param((20.0, 5.0), False, id="right edge"),
        pytest.param((5.0, 10.0), False, id="bottom edge"),
        pytest.param((-0.1, 5.0), False, id="left of it"),
        pytest.param((5.0, -0.1), False, id="above it"),
        pytest.param((float("nan"), 5.0), False, id="nowhere"),
    ],
)
def test_a_point_is_in_the_picture_or_not(xy: tuple[float, float], inside: bool) -> None:
    assert in_picture(np.array([xy], np.float32), (20, 10)).tolist() == [inside]


@pytest.mark.parametrize(
    ("logit", "share"),
    [
        pytest.param(0.0, 0.5, id="undecided"),
        pytest.param(np.inf, 1.0, id="surely"),
        pytest.param(-np.inf, 0.0, id="surely not"),
        pytest.param(np.nan, 0.0, id="not a number"),
    ],
)
def test_every_logit_becomes_a_share(logit: float, share: float) -> None:
    assert _sigmoid(np.array([logit], np.float32)).tolist() == pytest.approx([share], abs=1e-20)
