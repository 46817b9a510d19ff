"""Polygons of annotations become masks (docs/decisions/0017)."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tasks.common.media.images import Mask


def draw_polygons(polygons: Iterable[Any], size_wh: tuple[int, int]) -> Mask:
    """Draw polygons, each x, y, x, y, … in px from the corner of the picture, as one mask.

    A pixel is inside if its centre is. Polygons are joined; none of them cuts a hole.

    Raises:
        ValueError: a polygon is not a list of pairs of numbers.
    """
    from skimage.draw import polygon  # late: slow to import, and few annotations have polygons

    width, height = size_wh
    mask = np.zeros((height, width), np.uint8)
    for points in polygons:
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        # COCO's coordinates count from a pixel's corner, those of `polygon` from its centre.
        rows, columns = polygon(  # type: ignore[no-untyped-call]
            xy[:, 1] - 0.5, xy[:, 0] - 0.5, shape=(height, width)
        )
        mask[rows, columns] = 1
    return mask
