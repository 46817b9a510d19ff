"""A rule: one value per crop, compared with bounds, and a sentence that explains the decision."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tasks.common.recipe.bounds import Bounds
from tasks.common.records import Verdict
from tasks.common.schema.columns import Measures
from tasks.filter.subject import Subject

Measured = float | None
_DECIMALS = re.compile(r":\.(\d)f")
# As many as measures are stored with; beyond them value and bound are equal.
_MOST_DECIMALS = 6


class Finding(NamedTuple):
    """A rule's verdict on a crop, with the value, the bound that decided and a sentence."""

    rule: str
    verdict: Verdict
    value: float | None = None
    bound: float | None = None
    sentence: str = ""


@dataclass(frozen=True)
class Rule:
    """Measures one value of a crop, or None where it cannot be measured.

    `say` is a sentence with `{value}` and `{bound}`, both multiplied by `scale` (100 for shares
    that the sentence gives in percent). `serves` names the points of the team's description.
    `measure` is None for a rule that compares crops with each other rather than looking at one.
    `derive` is for a rule whose value follows from those of the others, its own among them.
    """

    name: str
    serves: tuple[str, ...]
    needs_mask: bool
    measure: Callable[[Subject], Measured] | None
    say: str
    scale: float = 1.0
    derive: Callable[[Measures], Measured] | None = None

    def judge(self, value: float | None, limits: Bounds) -> Finding:
        """Compare one value with its bounds; a value equal to a bound passes it."""
        if value is None:
            sentence = f"{self.name} could not be measured; the recipe says {limits.missing}."
            return Finding(self.name, limits.missing, sentence=sentence)
        # Drops first: a value beyond both kinds of bounds is dropped, not reviewed.
        steps: list[tuple[float | None, bool, Verdict]] = [
            (limits.min, True, "drop"),
            (limits.max, False, "drop"),
            (limits.review_min, True, "review"),
            (limits.review_max, False, "review"),
        ]
        for bound, is_lower, verdict in steps:
            if bound is not None and (value < bound if is_lower else value > bound):
                return Finding(self.name, verdict, value, bound, self.sentence(value, bound))
        return Finding(self.name, "keep", value)

    def sentence(self, value: float, bound: float) -> str:
        """Return the rule's sentence, with enough decimals to tell value and bound apart.

        Otherwise a value of 79.96 below a bound of 80 would read as "80; the bound is 80".
        """
        numbers = {"value": value * self.scale, "bound": bound * self.scale}
        # Exactly one format in a sentence: value and bound are shown with equally many decimals.
        (fewest,) = set(_DECIMALS.findall(self.say))
        for decimals in range(int(fewest), _MOST_DECIMALS + 1):
            if f"{numbers['value']:.{decimals}f}" != f"{numbers['bound']:.{decimals}f}":
                break
        return _DECIMALS.sub(f":.{decimals}f", self.say).format(**numbers)
