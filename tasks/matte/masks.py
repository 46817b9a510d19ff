"""From alpha to mask, and from the loose crop to the tight one."""

import cv2
import numpy as np

from tasks.common.media.images import Alpha, Mask

Box = tuple[int, int, int, int]


def to_mask(alpha: Alpha, threshold: float) -> Mask:
    """Return uint8 (H, W): 1 where alpha reaches the threshold, else 0."""
    return (alpha >= threshold).astype(np.uint8)


def tight_box(mask: Mask, person_xyxy: tuple[float, ...], margin: float) -> Box | None:
    """Return the box around the person's own part of the mask, in whole px of the crop.

    The person's part is the connected part with the most pixels inside the detector's box
    `person_xyxy` (px of the crop): a neighbour in the context may be larger, but stands outside.
    `margin` is a share of the part's longer side. None when the mask is empty inside the box.
    """
    part = person_part(mask, person_xyxy)
    if part is None:
        return None
    ys, xs = np.nonzero(part)
    x0, x1, y0, y1 = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
    extra = round(margin * max(x1 - x0, y1 - y0))
    height, width = mask.shape
    return (
        int(max(0, x0 - extra)),
        int(max(0, y0 - extra)),
        int(min(width, x1 + extra)),
        int(min(height, y1 + extra)),
    )


def person_part(mask: Mask, person_xyxy: tuple[float, ...]) -> Mask | None:
    """Return the connected part of the mask that is the detected person, or None."""
    n_labels, labels = cv2.connectedComponents(mask, connectivity=8)
    x0, y0, x1, y1 = (round(value) for value in person_xyxy)
    inside = labels[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    counts = np.bincount(inside.ravel(), minlength=n_labels)
    counts[0] = 0
    if counts.max() == 0:
        return None
    part: Mask = (labels == int(counts.argmax())).astype(np.uint8)
    return part
