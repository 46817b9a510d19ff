"""How sure the matting network was of the outline."""

import numpy as np

from tasks.filter.image_ops import narrowed, widened
from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

_UNDECIDED = (0.2, 0.8)
_BAND = 0.02  # half the band's width, as a share of the square root of the mask's area


def measure(subject: Subject) -> float | None:
    """Return 1 less the undecided pixels over the area of the band along the outline, 0..1.

    Undecided is an alpha between 0.2 and 0.8, before any stretching: in the network's own answer,
    or in what several opinions were fused to, where dissent counts as well. rembg stretches the
    matte of a picture that shows nobody to one like any other, but here it stays faint or
    undecided. A crisp outline has a thin undecided seam and gives about 0.8; large grey areas, in
    the person or beside them, bring the value to 0.
    """
    mask, alpha = subject.mask, subject.alpha
    if mask is None or alpha is None or not mask.any():
        return None
    # By the area, not the height: the length of an outline grows with the square root of the area.
    reach = max(1, round(_BAND * float(np.sqrt(np.count_nonzero(mask)))))
    band = (widened(mask, reach) == 1) & (narrowed(mask, reach) == 0)
    undecided = (alpha > _UNDECIDED[0]) & (alpha < _UNDECIDED[1])
    if not band.any():  # the mask fills the picture
        return 1.0 - float(np.count_nonzero(undecided) / undecided.size)
    return max(0.0, 1.0 - float(np.count_nonzero(undecided) / np.count_nonzero(band)))


RULE = Rule(
    name="mask_certainty",
    serves=("S14",),
    needs_mask=True,
    measure=measure,
    say="The matting model is {value:.0f} % sure of the outline; the bound is {bound:.0f} %.",
    scale=100,
)
