"""The common output of all pose models: COCO's keypoints, whatever a model's own landmarks are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Alpha

N_POINTS = 17  # COCO: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left first


class PoseEstimate(NamedTuple):
    """The pose of one person in a crop, as a model estimates it.

    `points_xy` float32 (17, 2) in px of the crop, in the order of COCO's keypoints. `seen` float32
    (17,): the confidence that each is in the picture and visible, and that this is a person at all,
    0..1. `mask`: the model's person mask, float32 (h, w) in 0..1 over the whole crop at a smaller
    size, or None if the model has no mask.
    """

    points_xy: NDArray[np.float32]
    seen: NDArray[np.float32]
    mask: Alpha | None


def in_picture(points_xy: NDArray[np.float32], size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Return for each point whether it lies in the picture; models also guess beyond its edges."""
    xs, ys = points_xy[:, 0], points_xy[:, 1]
    return (xs >= 0) & (xs < size_wh[0]) & (ys >= 0) & (ys < size_wh[1])
