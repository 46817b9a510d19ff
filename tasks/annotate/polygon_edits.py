"""What of a polygon is an edit, and what only the way in which polygons draw."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.annotate.apply import mask_iou
from tasks.common.media.images import Mask

Outlines = list[Any]  # of cv2: int32 (corners, 1, 2)

_STEPS = 12  # of the search for a tolerance; the last ones change no corner
# An outline through centres of pixels and one along their edges differ by a pixel; a corner that is
# left out adds another.
_BAND_PX = 2
_MOST_OF_A_HOLE = 0.5


def edits_of_polygon(drawn: Mask, sent: Mask) -> Mask:
    """Return the sent mask with the edits of a polygon; both are uint8 (H, W) of 0 and 1.

    A polygon draws the whole outline again and cannot cut holes. Changes that stay within two
    pixels of the sent outline, and holes that are filled, come from that and are not taken.
    """
    kernel = np.ones((2 * _BAND_PX + 1,) * 2, np.uint8)
    band = cv2.dilate(sent, kernel) != cv2.erode(sent, kernel)
    holes = _holes(sent)
    edited = sent.copy()
    for code in (0, 1):
        changes = ((drawn == code) & (sent != code)).astype(np.uint8)
        n_parts, parts = cv2.connectedComponents(changes, connectivity=8)
        for part in range(1, n_parts):
            pixels = parts == part
            if not band[pixels].all() and not (code == 1 and _fills_hole(pixels, holes)):
                edited[pixels] = code
    return edited


def _holes(mask: Mask) -> NDArray[np.int32]:
    """Return the holes of a mask, numbered from 1 on; 0 elsewhere."""
    surrounded = np.pad(1 - mask, 1, constant_values=1).astype(np.uint8)
    _, parts = cv2.connectedComponents(surrounded, connectivity=4)
    numbered = parts[1:-1, 1:-1]
    outside = parts[0, 0]
    return np.where((mask == 0) & (numbered != outside), numbered, 0).astype(np.int32)


def _fills_hole(pixels: NDArray[np.bool_], holes: NDArray[np.int32]) -> bool:
    numbers = holes[pixels]
    if not numbers.all():
        return False
    n_holes = np.count_nonzero(np.isin(holes, np.unique(numbers)))
    return bool(np.count_nonzero(pixels) >= _MOST_OF_A_HOLE * n_holes)


def polygon_loss(sent: Mask, drawn: Mask) -> float:
    """Return 1 - IoU of the sent mask and its outline with about as many corners as was drawn."""
    n_corners = sum(len(outline) for outline in _outlines(drawn, 1.0))
    low, high = 0.0, float(max(sent.shape))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if sum(len(outline) for outline in _outlines(sent, middle)) > n_corners:
            low = middle
        else:
            high = middle
    drawn_again = np.zeros_like(sent)
    cv2.drawContours(drawn_again, _outlines(sent, high), -1, 1, cv2.FILLED)
    return 1.0 - mask_iou(sent, drawn_again)


def _outlines(mask: Mask, tolerance_px: float) -> Outlines:
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [cv2.approxPolyDP(contour, tolerance_px, True) for contour in contours]
