"""How tall the person stands in the frame that they were filmed in."""

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float:
    """Return the height of the detector's box in px of the original frame."""
    return subject.person_height_px


RULE = Rule(
    name="person_height_px",
    serves=("S11", "S12"),
    needs_mask=False,
    measure=measure,
    say="The person is {value:.0f} px tall; the bound is {bound:.0f} px.",
)
