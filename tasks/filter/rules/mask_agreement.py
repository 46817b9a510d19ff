"""Whether a second model marks the same person."""

import numpy as np

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

_IS_PERSON = 0.5


def measure(subject: Subject) -> float | None:
    """Return the intersection over union of the mask with a second opinion, 0..1.

    The second matting model of the recipe where it names one, else the pose model's person mask.
    Compared where the crop would be published. None without a second opinion.
    """
    # A second matting model outlines hair and hands; a pose model's mask is coarse, hence only a
    # fallback.
    second = subject.second_alpha if subject.second_alpha is not None else subject.pose_mask
    tight, mask = subject.tight_in_crop, subject.tight_mask
    if second is None or tight is None or mask is None or not mask.any():
        return None
    second_mask = second[tight.slices] >= _IS_PERSON
    common = np.count_nonzero(second_mask & (mask == 1))
    return float(common / np.count_nonzero(second_mask | (mask == 1)))


RULE = Rule(
    name="mask_agreement",
    serves=("S14",),
    needs_mask=True,
    measure=measure,
    say="The mask and a second opinion overlap by {value:.0f} %; the bound is {bound:.0f} %.",
    scale=100,
)
