"""Where the picture is in the frame: bars of one colour and blurred fillers are no part of it.

A person who is cut by a bar is cut by the picture's edge; the rules look for that at the frame's.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Rgb

Area = tuple[int, int, int, int]
_Planes = NDArray[np.float32]

_FLAT = 10.0  # codes of 255 by which a bar's pixels may differ in a row or from row to row
_EDGE = 12.0  # codes by which the picture's first row must differ from the bar, where it does
# Share of that row which differs in any frame: a person before a white wall is no picture's edge.
_EDGE_SHARE = 0.8
_BORDER_PX = 4  # over which a codec blurs the border
_MIN_BAR, _MAX_BAR = 0.015, 0.45  # of the side, on one of its ends
_MIN_PX = 4
# A filler is the picture itself, enlarged and blurred: its detail is a small part of the picture's.
_BLUR_RATIO = 0.4
_MIN_DETAIL = 1.0
# The step from filler to picture, in most columns of most frames, over that between other rows.
_STEP_RATIO = 5.0
_MIN_FRAMES = 3


def find_area(pictures: Sequence[Rgb]) -> Area | None:
    """Return the picture's area (x0, y0, x1, y1) in frames of one size; None if it fills them.

    Bars stand still while the picture moves: what is taken for one must hold in every frame.
    """
    if not pictures:
        return None
    height, width = pictures[0].shape[:2]
    same = [picture for picture in pictures if picture.shape[:2] == (height, width)]
    if len(same) < _MIN_FRAMES:
        return None
    stack = np.stack(same)
    y0, y1 = _ends(stack)
    x0, x1 = _ends(stack.transpose(0, 2, 1, 3))
    if (x0, y0, x1, y1) == (0, 0, width, height):
        return None
    return x0, y0, x1, y1


def _ends(stack: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the first row of the picture, and the first one after it."""
    n_rows = stack.shape[1]
    first, last = _flat_bar(stack), _flat_bar(stack[:, ::-1])
    if not first and not last:
        first, last = _blurred_bars(stack)
    return first, n_rows - last


def _flat_bar(stack: NDArray[np.uint8]) -> int:
    """Return the height of a bar of one colour at the first row; 0 if there is none."""
    n_rows = stack.shape[1]
    top = stack[:, : int(n_rows * _MAX_BAR) + 1].astype(np.float32)
    colour = np.median(top[:, : max(_MIN_PX // 2, 1)], axis=(0, 1, 2))
    differs = np.abs(top - colour).max(axis=3) > _FLAT
    # A stray pixel of a lossy codec is none of the picture.
    is_bar = differs.mean(axis=2).max(axis=0) < 0.01  # noqa: PLR2004  # per row
    height = int(np.argmin(is_bar)) if not is_bar.all() else 0
    if not _is_bar_height(height, n_rows):
        return 0
    # The picture begins with a row that is another thing over most of the width, in some frame: one
    # alone may be dark there.
    inside = np.abs(top[:, height : height + _BORDER_PX] - colour).max(axis=3) > _EDGE
    is_edge = inside.max(axis=0).mean(axis=1) >= _EDGE_SHARE
    if not is_edge.any():
        return 0
    # One more: chroma and codec mix bar and picture there.
    return height + int(np.argmax(is_edge)) + 1


def _blurred_bars(stack: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the heights of two blurred fillers of one height, at both ends; 0, 0 if none."""
    n_rows = stack.shape[1]
    grey = np.stack([cv2.cvtColor(np.ascontiguousarray(p), cv2.COLOR_RGB2GRAY) for p in stack])
    lines = grey.astype(np.float32)
    # Detail along each row: the border itself is a step between rows and does not count.
    detail = np.abs(np.diff(lines, n=2, axis=2)).mean(axis=2).mean(axis=0)
    # The step from row to row, in nearly all columns of nearly all frames at once.
    steps = np.median(np.abs(np.diff(lines, axis=1)), axis=(0, 2))
    low, high = int(n_rows * _MIN_BAR) + 1, int(n_rows * _MAX_BAR)
    best = (0, 0)
    best_step = 0.0
    for height in range(max(low, _MIN_PX), high):
        other = _mirror_step(steps, height, n_rows)
        if other is None:
            continue
        inside = float(detail[height:other].mean())
        # Nearly all rows of a filler are smooth: a mean would hide some of the picture.
        outside = float(
            max(np.percentile(part, 95) for part in (detail[: height - 1], detail[other + 1 :]))
        )
        step = float(min(steps[height - 1], steps[other - 1]))
        is_filler = inside > _MIN_DETAIL and outside < inside * _BLUR_RATIO
        if is_filler and step > best_step:
            best, best_step = (height, n_rows - other), step
    around = float(np.median(steps)) + 1.0
    return best if best_step > _STEP_RATIO * around else (0, 0)


def _mirror_step(steps: NDArray[np.float32], height: int, n_rows: int) -> int | None:
    """Return the row at the other end that mirrors a border, give or take two rows."""
    candidates = range(max(n_rows - height - 2, height + 1), min(n_rows - height + 3, n_rows))
    return max(candidates, key=lambda row: steps[row - 1], default=None)


def _is_bar_height(height: int, n_rows: int) -> bool:
    return height >= max(_MIN_PX, n_rows * _MIN_BAR)
