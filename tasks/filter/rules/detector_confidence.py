"""How sure the detector is that this is a person."""

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float:
    """Return the detector's confidence, 0..1."""
    return subject.crop.confidence


RULE = Rule(
    name="detector_confidence",
    serves=("S6",),
    needs_mask=False,
    measure=measure,
    say="The detector is {value:.1f} % sure that this is a person; the bound is {bound:.1f} %.",
    scale=100,
)
