"""Whether edges on the person are crisp, whatever the resolution, the distance and the light."""

from tasks.filter.blur import loss_to_blur
from tasks.filter.rule import Rule
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float | None:
    """Return the share of the person's gradient energy that a slight blur takes away, 0..1.

    Gradient energy is the Tenengrad focus measure (Krotkov 1987); comparing a picture with its own
    blurred self is the idea of Crete et al. ("The blur effect", SPIE 2007): contrast, texture and
    light cancel out, and what is blurred already loses little. The direction that loses least
    counts, because a motion smear leaves the edges along it crisp. None where the person is flat.
    """
    loss = loss_to_blur(subject)
    return None if loss is None else loss.least


RULE = Rule(
    name="sharpness",
    serves=("S12",),
    needs_mask=False,
    measure=measure,
    say="A slight blur takes {value:.0f} % of the edges' energy; the bound is {bound:.0f} %: "
    "blurred or too small.",
    scale=100,
)
