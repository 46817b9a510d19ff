"""How much of this person's box another person covers."""

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

_LEAST_AREA = 1e-9  # a box without an area is not covered, rather than an error


def measure(subject: Subject) -> float:
    """Return the largest share of the person's box covered by one other person's box, 0..1."""
    person = subject.crop.person_box_xyxy
    # Not intersection over union: a small person before a large one covers little of them.
    area = max(person.area, _LEAST_AREA)
    shares = [person.intersection(box).area / area for box in subject.crop.others_xyxy]
    return max(shares, default=0.0)


RULE = Rule(
    name="person_overlap",
    serves=("S9",),
    needs_mask=False,
    measure=measure,
    say="Another person covers {value:.0f} % of this one's box; the bound is {bound:.0f} %.",
    scale=100,
)
