"""Whether edges on the person are crisp, whatever the resolution, the distance and the light."""

from tasks.filter.rule import Rule
from tasks.filter.shapes import Grey, blurred, gradients, reaching
from tasks.filter.subject import Subject

# Persons are compared at this height, so that a large blurred one cannot beat a small crisp one.
_HEIGHT_PX = 128
_BLUR_PX = 1.5
_REACH_PX = 5  # the outline itself belongs to what is judged
_LEAST_ENERGY = 0.25  # mean squared grey levels a px; a flat wall has less


def measure(subject: Subject) -> float | None:
    """Return the share of the person's gradient energy that a slight blur takes away, 0..1.

    The person is scaled to 128 px, their gradient energy (Tenengrad: squared Sobel gradients,
    Krotkov 1987) taken on their own pixels, and again after a Gaussian blur of 1.5 px; the value is
    1 - after / before. Comparing a picture with its own blurred self is the idea of Crete et al.
    ("The blur effect", SPIE 2007): contrast, texture and light cancel out, and what is blurred
    already loses little. None where the person is flat, because then there is no edge to judge.
    """
    grey, weight = subject.person_at(_HEIGHT_PX)
    on_person = reaching(weight, _REACH_PX)
    before = _energy(grey, on_person)
    if before < _LEAST_ENERGY * float(on_person.sum()):
        return None
    return 1.0 - _energy(blurred(grey, _BLUR_PX), on_person) / before


def _energy(grey: Grey, weight: Grey) -> float:
    dx, dy = gradients(grey)
    return float((weight * (dx**2 + dy**2)).sum())


RULE = Rule(
    name="sharpness",
    serves=("S12",),
    needs_mask=False,
    measure=measure,
    say="A slight blur takes {value:.0f} % of the edges' energy; the bound is {bound:.0f} %: "
    "blurred or too small.",
    scale=100,
)
