"""From alpha to mask."""

import numpy as np

from tasks.common.media.images import Alpha, Mask


def to_mask(alpha: Alpha, threshold: float) -> Mask:
    """Return uint8 (H, W): 1 where alpha reaches the threshold, else 0."""
    return (alpha >= threshold).astype(np.uint8)
