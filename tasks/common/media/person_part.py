"""The person's own part of a mask, and the tight box around it that is published."""

import cv2
import numpy as np

from tasks.common.media.images import Mask
from tasks.common.schema.boxes import Box


def tight_box(mask: Mask, person: Box, margin: float) -> Box | None:
    """Return the box around the person's own part of the mask, in whole px of the crop.

    The person's part is the connected part with the most pixels inside the detector's box `person`
    (px of the crop): a neighbour in the context may be larger, but is mostly outside. `margin` is a
    share of the part's longer side. None when the mask is empty inside the box.
    """
    part = person_part(mask, person)
    if part is None:
        return None
    left, top, width, height = cv2.boundingRect(part)
    own = Box(left, top, left + width, top + height)
    # Clipped to the crop: there are no pixels beyond, and padding with black would be learnt.
    return own.pad(round(margin * max(width, height))).clip((mask.shape[1], mask.shape[0]))


def person_part(mask: Mask, person: Box) -> Mask | None:
    """Return the connected part of the mask that is the detected person, or None."""
    n_labels, labels = cv2.connectedComponents(mask, connectivity=8)
    # A box may reach beyond the crop, and a negative index would count from the other end.
    x0, y0, x1, y1 = (max(0, round(value)) for value in person.xyxy)
    counts = np.bincount(labels[y0:y1, x0:x1].ravel(), minlength=n_labels)
    counts[0] = 0  # the background
    if counts.max() == 0:
        return None
    part: Mask = (labels == int(counts.argmax())).astype(np.uint8)
    return part
