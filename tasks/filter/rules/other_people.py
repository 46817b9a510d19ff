"""How much of the published picture other people cover."""

import numpy as np

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float | None:
    """Return the share of the published picture in other people's boxes beside the mask, 0..1.

    Up to this share of the annotation is ignored (255), because the others' outlines
    were not checked; of a picture that is mostly ignored a training learns little.
    """
    mask, tight = subject.tight_mask, subject.tight_in_crop
    if mask is None or tight is None or not mask.any():
        return None
    published = tight.shift(subject.crop.crop_box_xyxy.x0, subject.crop.crop_box_xyxy.y0)
    height, width = mask.shape
    covered = np.zeros((height, width), bool)
    for box in subject.crop.others_xyxy:
        if box.overlaps(published):
            covered[box.within(published).clip((width, height)).slices] = True
    return float(np.mean(covered & (mask == 0)))


RULE = Rule(
    name="other_people",
    serves=("S9",),
    needs_mask=True,
    measure=measure,
    say="Other people cover {value:.0f} % of the picture; the bound is {bound:.0f} %.",
    scale=100,
)
