"""Whether the person's own pixels still hold a picture."""

import numpy as np

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

# Of 255. Below and above, differences between pixels are noise and clipping.
_CRUSHED, _BLOWN = 8, 250
_MORE_THAN_NOT = 0.5


def measure(subject: Subject) -> float:
    """Return the share of the person's pixels that are crushed or blown, 0..1.

    Crushed: no channel above 8; blown: no channel below 250. Judged on the person, not on the
    frame, so that a bright sky or a dark wood around them counts for nothing.
    """
    pixels = subject.rgb[subject.person_weight > _MORE_THAN_NOT]
    if len(pixels) == 0:  # a person of a few px may weigh nothing anywhere
        pixels = subject.rgb.reshape(-1, 3)
    # All channels: a red dress may have a blown red and still show its folds in the other two.
    lost = (pixels.max(axis=1) <= _CRUSHED) | (pixels.min(axis=1) >= _BLOWN)
    return float(np.count_nonzero(lost) / len(lost))


RULE = Rule(
    name="exposure",
    serves=("S12",),
    needs_mask=False,
    measure=measure,
    say="{value:.0f} % of the person's pixels are crushed or blown; the bound is {bound:.0f} %.",
    scale=100,
)
