"""How much of the published picture the person fills."""

import numpy as np

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float | None:
    """Return the mask's area over the area of the published crop, 0..1."""
    # Of the published cut: the crop has context around it that no training sees.
    mask = subject.tight_mask
    return None if mask is None else float(np.count_nonzero(mask) / mask.size)


RULE = Rule(
    name="subject_share",
    serves=("S11",),
    needs_mask=True,
    measure=measure,
    say="The person fills {value:.0f} % of the picture; the bound is {bound:.0f} %.",
    scale=100,
)
