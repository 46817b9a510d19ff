"""Geometry of single-person crops."""

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


def crop_box(person_xyxy: NDArray[np.float32], size_wh: tuple[int, int], context: float) -> Box:
    """Return the box around a person, in whole px, clipped to the frame.

    `context` is the margin on every side as a share of the person box's longer side: a detector's
    box is loose on one side and tight on the other, and a matting model needs to see background.
    The result holds at least one pixel.
    """
    x0, y0, x1, y1 = (float(value) for value in person_xyxy)
    margin = context * max(x1 - x0, y1 - y0)
    width, height = size_wh
    left, right = _span(x0 - margin, x1 + margin, width)
    top, bottom = _span(y0 - margin, y1 + margin, height)
    return left, top, right, bottom


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    start = min(max(int(np.floor(low)), 0), size - 1)
    return start, min(max(int(np.ceil(high)), start + 1), size)
