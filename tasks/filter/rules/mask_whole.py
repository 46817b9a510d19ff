"""Whether the mask is one piece."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Mask
from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

# Enclosed background smaller than this share of the mask is a hole that the matting model left;
# larger openings are real, such as the ring of an arm on a hip.
_PINHOLE_SHARE = 0.005


def measure(subject: Subject) -> float | None:
    """Return the largest connected part over all that was marked, with pinholes filled, 0..1.

    Parts touch at corners too (8-connected). A neighbour's arm or a flag in the picture, which have
    left the mask since, a limb behind an obstacle, scattered specks and pinholes make it smaller.
    """
    mask = subject.tight_mask
    if mask is None or not mask.any():
        return None
    whole = int(np.count_nonzero(mask))
    largest = int(_areas(mask, connectivity=8).max())
    # The surroundings, made one by the rim, are the first part that is found, and no opening.
    surrounded = np.pad(1 - mask, 1, constant_values=1)
    # 4-connected, the dual of 8: otherwise a diagonal line of the mask would not close a hole.
    openings = _areas(surrounded, connectivity=4)[1:]
    pinholes = int(openings[openings < _PINHOLE_SHARE * whole].sum())
    marked = whole / max(1e-9, 1.0 - subject.foreign_share)
    return largest / (marked + pinholes)


def _areas(mask: Mask, connectivity: int) -> NDArray[np.int32]:
    stats = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)[2]
    return cast("NDArray[np.int32]", stats[1:, cv2.CC_STAT_AREA])


RULE = Rule(
    name="mask_whole",
    serves=("S7",),
    needs_mask=True,
    measure=measure,
    say="The largest part of the mask is {value:.1f} % of it; the bound is {bound:.1f} %.",
    scale=100,
)
