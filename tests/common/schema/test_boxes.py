"""Boxes: areas, overlaps, and what is left of them in a picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.schema.boxes import Box

numbers = st.integers(-100, 200)
boxes = st.tuples(numbers, numbers, st.integers(1, 99), st.integers(1, 99)).map(
    lambda t: Box(t[0], t[1], t[0] + t[2], t[1] + t[3])
)


def test_a_box_of_three_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        Box.of([1, 2, 3])


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        pytest.param(Box(0, 0, 10, 10), 1.0, id="itself"),
        pytest.param(Box(5, 0, 15, 10), 50 / 150, id="half"),
        pytest.param(Box(10, 0, 20, 10), 0.0, id="touching"),
        pytest.param(Box(50, 50, 60, 60), 0.0, id="apart"),
    ],
)
def test_iou(other: Box, iou: float) -> None:
    assert Box(0, 0, 10, 10).iou(other) == pytest.approx(iou)


def test_the_iou_of_two_empty_boxes_is_zero() -> None:
    assert Box(1, 1, 1, 1).iou(Box(1, 1, 1, 1)) == 0.0


@given(boxes, boxes)
def test_boxes_overlap_alike_both_ways(one: Box, other: Box) -> None:
    assert one.overlaps(other) == other.overlaps(one) == (one.iou(other) > 0)


@given(boxes)
def test_a_clipped_box_holds_a_pixel_of_the_picture(box: Box) -> None:
    clipped = box.clip((64, 48))
    assert 0 <= clipped.x0 < clipped.x1 <= 64
    assert 0 <= clipped.y0 < clipped.y1 <= 48


def test_clipping_moves_edges_outwards_to_whole_px() -> None:
    assert Box(1.2, 1.8, 9.1, 9.9).clip((64, 48)) == Box(1, 1, 10, 10)


def test_the_same_box_in_px_of_a_crop() -> None:
    assert Box(12, 15, 20, 30).within(Box(10, 10, 40, 40)) == Box(2, 5, 10, 20)


def test_slices_cut_the_box_out_of_rows_and_columns() -> None:
    assert Box(1, 2, 3, 5).slices == (slice(2, 5), slice(1, 3))
