"""Whether the mask covers the body that the pose model sees."""

import numpy as np

from tasks.filter.image_ops import widened
from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

_SURELY_SEEN = 0.5
_TOLERANCE = 0.03  # of the box's height: keypoints are not exact, and ankles lie near the edge


def measure(subject: Subject) -> float | None:
    """Return the share of surely seen keypoints that lie in the mask or within 3 % of it, 0..1.

    None without a pose model, or where no keypoint is surely seen.
    """
    mask = subject.mask
    if mask is None or subject.points_xy is None or subject.seen is None:
        return None
    points = subject.points_xy[subject.seen >= _SURELY_SEEN]
    if len(points) == 0:
        return None
    wide = widened(mask, max(1, round(_TOLERANCE * subject.person_height_px)))
    height, width = mask.shape
    # A pose model may place a joint outside of the crop; the nearest pixel then stands for it.
    columns = np.clip(points[:, 0].astype(int), 0, width - 1)
    rows = np.clip(points[:, 1].astype(int), 0, height - 1)
    return float(wide[rows, columns].mean())


RULE = Rule(
    name="keypoints_in_mask",
    serves=("S14",),
    needs_mask=True,
    measure=measure,
    say="{value:.0f} % of the visible joints lie in the mask; the bound is {bound:.0f} %.",
    scale=100,
)
