"""How much of this person's box another person covers."""

from tasks.filter.rule import Rule
from tasks.filter.subject import Box, Subject


def measure(subject: Subject) -> float:
    """Return the largest share of the person's box covered by one other person's box, 0..1."""
    own = subject.person_in_frame
    area = max(_area(own), 1e-9)
    return max((_area(_common(own, other)) / area for other in subject.others_in_frame), default=0)


def _common(a: Box, b: Box) -> Box:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


RULE = Rule(
    name="person_overlap",
    serves=("S9",),
    needs_mask=False,
    measure=measure,
    say="Another person covers {value:.0f} % of this one's box; the bound is {bound:.0f} %.",
    scale=100,
)
