"""How much of the mask is a thing that the detector knows: a bicycle, a ball, a bag in the hand."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Mask
from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

_IS_PERSON = 0.5
_WIDENED = 0.04  # of the person's height: the pose model's mask is coarse


def measure(subject: Subject) -> float | None:
    """Return the share of the mask in boxes of other objects that the pose does not claim, 0..1.

    Legs on a bicycle lie in its box as well, and a sofa's box holds whoever sits on it, so pixels
    in the pose model's mask, widened, do not count. None where the detector knows no objects or
    the pose model gives no mask.
    """
    objects, mask, pose = subject.crop.objects_xyxy, subject.tight_mask, subject.pose_mask
    tight = subject.tight_in_crop
    if objects is None or mask is None or tight is None or pose is None or not mask.any():
        return None
    published = tight.shift(subject.crop.crop_box_xyxy.x0, subject.crop.crop_box_xyxy.y0)
    height, width = mask.shape
    in_objects = np.zeros((height, width), bool)
    for box in objects:
        if box.overlaps(published):
            in_objects[box.within(published).clip((width, height)).slices] = True
    body = _widened(pose >= _IS_PERSON, subject.person_in_crop.height)[tight.slices]
    foreign = (mask == 1) & in_objects & (body == 0)
    return float(np.count_nonzero(foreign) / np.count_nonzero(mask))


def _widened(body: NDArray[np.bool_], height_px: float) -> Mask:
    radius = max(1, round(_WIDENED * height_px))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cast(Mask, cv2.dilate(body.astype(np.uint8), disc))


RULE = Rule(
    name="object_overlap",
    serves=("S14",),
    needs_mask=True,
    measure=measure,
    say="{value:.0f} % of the mask is a thing that the person holds, rides or stands behind; the "
    "bound is {bound:.0f} %.",
    scale=100,
)
