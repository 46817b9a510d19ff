"""How much of this person's mask lies where another person was detected."""

import numpy as np

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float | None:
    """Return the largest share of the published mask inside one other person's box, 0..1.

    A matting model cuts out whoever it sees, so a neighbour who touches the person becomes part of
    the mask; boxes alone do not show that.
    """
    mask, tight = subject.tight_mask, subject.tight_in_crop
    if mask is None or tight is None or not mask.any():
        return None
    left, top = subject.crop_in_frame[0] + tight[0], subject.crop_in_frame[1] + tight[1]
    height, width = mask.shape
    shares = [0.0]
    for x0, y0, x1, y1 in subject.others_in_frame:
        columns = slice(*np.clip(np.round([x0 - left, x1 - left]), 0, width).astype(int))
        rows = slice(*np.clip(np.round([y0 - top, y1 - top]), 0, height).astype(int))
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
