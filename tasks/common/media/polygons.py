"""Polygons of annotations become masks (docs/decisions/0017)."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tasks.common.media.images import Mask

# Points times pixels of the box around them: each pixel there is compared with each edge.
_MAX_WORK = 2e10


def draw_polygons(polygons: Iterable[Any], size_wh: tuple[int, int]) -> Mask:
    """Draw polygons, each x, y, x, y, … in px from the corner of the picture, as one mask.

    A pixel is inside if its centre is. Polygons are joined; none of them cuts a hole.

    Raises:
        ValueError: a polygon is not a list of pairs of numbers, or would take minutes to draw.
    """
    from skimage.draw import polygon  # late: slow to import, and few annotations have polygons

    polygons = list(polygons)
    require_drawable(drawing_work(polygons, size_wh))
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


def drawing_work(polygons: Iterable[Any], size_wh: tuple[int, int]) -> float:
    """Return how much work it is to draw polygons: 10 ** 9 take about three seconds.

    Raises:
        ValueError: a polygon is not a list of pairs of numbers.
    """
    work = 0.0
    for points in polygons:
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        if not np.isfinite(xy).all():
            raise ValueError("an outline has a point that is no number")
        if len(xy):
            low, high = np.clip(xy.min(axis=0), 0, size_wh), np.clip(xy.max(axis=0), 0, size_wh)
            work += float(np.prod(high - low)) * len(xy)
    return work


def require_drawable(work: float) -> None:
    """Refuse outlines that would take minutes to draw.

    Raises:
        ValueError: there is more work than for any picture of a camera.
    """
    if work > _MAX_WORK:
        raise ValueError("its outlines have too many points for so large areas; simplify them")
