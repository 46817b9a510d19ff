"""How probable it is that the mask is good."""

from tasks.common.schema.columns import Measures
from tasks.filter.rule import Measured, Rule
from tasks.filter.subject import Subject
from tasks.filter.trust import shipped_trust

DRAWN = 1.0  # of a mask drawn by a person


def measure(subject: Subject) -> Measured:
    """Return the probability, 0..1, that the mask's IoU with one drawn by a person is 0.90 or more.

    It follows from the other measures by a logistic regression that was fitted to masks drawn by
    people (docs/decisions/0021). A mask drawn by a person counts as good.
    """
    return DRAWN if subject.crop.given_path is not None else None


def derive(measures: Measures) -> Measured:
    """Return what was measured, else the probability that follows from the other measures."""
    drawn = measures["trust"]
    return shipped_trust().probability(measures) if drawn is None else drawn


RULE = Rule(
    name="trust",
    serves=("S14", "S15"),
    needs_mask=True,
    measure=measure,
    derive=derive,
    say="The mask is good with a probability of {value:.0f} %; the bound is {bound:.0f} %.",
    scale=100,
)
