"""How much of this person's mask lies where another person was detected."""

import numpy as np

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float | None:
    """Return the largest share of the published mask inside one other person's box, 0..1.

    A matting model cuts out everyone it sees, so a neighbour who touches the person becomes part of
    the mask; boxes alone do not show that.
    """
    mask, tight = subject.tight_mask, subject.tight_in_crop
    if mask is None or tight is None or not mask.any():
        return None
    published = tight.shift(subject.crop.crop_box_xyxy.x0, subject.crop.crop_box_xyxy.y0)
    height, width = mask.shape
    # The largest of single boxes, not their union: a crowd behind the person would fill any
    # picture.
    shares = [0.0]
    for box in subject.crop.others_xyxy:
        neighbour = box.within(published)
        columns = slice(*np.clip(np.round([neighbour.x0, neighbour.x1]), 0, width).astype(int))
        rows = slice(*np.clip(np.round([neighbour.y0, neighbour.y1]), 0, height).astype(int))
        shares.append(np.count_nonzero(mask[rows, columns]) / np.count_nonzero(mask))
    return max(shares)


RULE = Rule(
    name="person_overlap_mask",
    serves=("S9",),
    needs_mask=True,
    measure=measure,
    say="{value:.0f} % of the mask lies where another person was detected; the bound is "
    "{bound:.0f} %.",
    scale=100,
)
