"""Crop boxes: around the person, inside the frame, never empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.schema.boxes import Box
from tasks.detect.crop_box import crop_box


@pytest.mark.parametrize(
    ("person", "context", "expected"),
    [
        pytest.param((100, 50, 200, 250), 0.0, (100, 50, 200, 250), id="no context"),
        pytest.param((100, 50, 200, 250), 0.1, (80, 30, 220, 270), id="a tenth of the longer side"),
        pytest.param((0, 0, 400, 300), 0.5, (0, 0, 400, 300), id="clipped to the frame"),
        pytest.param((10.4, 10.6, 20.2, 20.1), 0.0, (10, 10, 21, 21), id="whole px outwards"),
        pytest.param((400, 300, 400, 300), 0.0, (399, 299, 400, 300), id="at least one px"),
    ],
)
def test_the_crop_is_the_box_with_context(
    person: tuple[float, ...], context: float, expected: tuple[int, ...]
) -> None:
    assert crop_box(Box.of(person), (400, 300), context).xyxy == expected


numbers = st.floats(-50, 500, width=32)


@given(box=st.tuples(numbers, numbers, numbers, numbers), context=st.floats(0, 1))
def test_every_crop_lies_in_the_frame_and_holds_a_pixel(
    box: tuple[float, float, float, float], context: float
) -> None:
    x0, x1 = sorted((box[0], box[2]))
    y0, y1 = sorted((box[1], box[3]))
    left, top, right, bottom = crop_box(Box(x0, y0, x1, y1), (400, 300), context).xyxy
    assert 0 <= left < right <= 400
    assert 0 <= top < bottom <= 300
