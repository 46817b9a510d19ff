"""The probability that a mask is good, from what the rules measured of it.

A logistic regression of few terms, each of which can only pull one way: with masks of a handful of
scenes to fit to, a freer model learns the scenes (docs/decisions/0021). The file that is read here
is written by `python -m benchmarks.trust`.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any, NamedTuple

from tasks.common.digests import content_key
from tasks.common.schema.columns import Measures

GOOD_IOU = 0.9  # from this IoU with a mask drawn by a person a mask is good
SHIPPED = "trust.json"


@dataclass(frozen=True)
class Term:
    """One measure's part in the log odds: `weight` times its distance from `centre` in `scale`."""

    measure: str
    centre: float
    scale: float
    weight: float

    def log_odds(self, value: float | None) -> float:
        """Return the part of a value; 0 where it could not be measured."""
        return 0.0 if value is None else self.weight * (value - self.centre) / self.scale


class Part(NamedTuple):
    """How far one measure moved the log odds of a mask."""

    measure: str
    log_odds: float


@dataclass(frozen=True)
class Trust:
    """A fitted model: its name, the log odds of an average mask, its terms, how it was fitted."""

    name: str
    intercept: float
    terms: tuple[Term, ...]
    fitted: Any  # JSON: what it was fitted to, and how well its probabilities are calibrated

    @property
    def digest(self) -> str:
        """A name of all that the probability depends on."""
        return content_key("trust", self.intercept, [vars(term) for term in self.terms])

    def parts(self, measures: Measures) -> list[Part]:
        """Return what each measure did to the log odds, the strongest first."""
        parts = [Part(one.measure, one.log_odds(measures.get(one.measure))) for one in self.terms]
        return sorted(parts, key=lambda part: -abs(part.log_odds))

    def explain(self, measures: Measures) -> str:
        """Return in words what moved the probability, the strongest measure first."""
        return ", ".join(f"{part.measure} {part.log_odds:+.1f}" for part in self.parts(measures))

    def probability(self, measures: Measures) -> float:
        """Return the probability, 0..1, that the IoU is at least `GOOD_IOU`."""
        log_odds = self.intercept + sum(part.log_odds for part in self.parts(measures))
        return 1.0 / (1.0 + exp(-log_odds))


def parse_trust(text: str) -> Trust:
    """Return the model of a file's text.

    Raises:
        ValueError: it is no such file; a term lacks a value or its scale is not positive.
    """
    try:
        values = json.loads(text)
        terms = tuple(Term(**term) for term in values.pop("terms"))
        model = Trust(terms=terms, **values)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"not a trust file as `python -m benchmarks.trust` writes it: {error}"
        ) from error
    if not all(term.scale > 0 for term in terms):
        raise ValueError("the scale of every term must be positive")
    return model


@cache
def shipped_trust() -> Trust:
    """Return the model that comes with the program."""
    return parse_trust(files(__package__).joinpath(SHIPPED).read_text("utf-8"))
