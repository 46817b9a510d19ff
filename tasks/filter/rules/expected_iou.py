"""How right the mask is by the alpha's own account."""

import numpy as np

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float | None:
    """Return the IoU with the truth that the alpha leads one to expect of the mask, 0..1.

    Read as the probability p that a pixel is the person's, the alpha expects as intersection the
    sum of p in the mask, and as union the mask's area and the sum of p beside it. Their ratio
    stands for the expected ratio, as sums over so many pixels vary little. Where several opinions
    were fused, their dissent makes p undecided and the value smaller.
    """
    mask, alpha = subject.mask, subject.alpha
    if mask is None or alpha is None or not mask.any():
        return None
    inside = float(alpha[mask == 1].sum(dtype=np.float64))
    outside = float(alpha[mask == 0].sum(dtype=np.float64))
    return inside / (int(np.count_nonzero(mask)) + outside)


RULE = Rule(
    name="expected_iou",
    serves=("S14",),
    needs_mask=True,
    measure=measure,
    say="By its own alpha the mask is {value:.0f} % right; the bound is {bound:.0f} %.",
    scale=100,
)
