"""What a rule is: one value per crop, and the words to explain a decision with."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tasks.filter.subject import Subject

Measured = float | None
_DECIMALS = re.compile(r":\.(\d)f")
_MOST_DECIMALS = 6


@dataclass(frozen=True)
class Rule:
    """Measures one value of a crop, or None where it cannot be measured.

    `say` is a sentence with `{value}` and `{bound}`, both scaled by `scale` (100 for shares that
    are told in percent). `serves` names the points of the team's description. `measure` is None
    for a rule that compares crops with each other rather than looking at one.
    """

    name: str
    serves: tuple[str, ...]
    needs_mask: bool
    measure: Callable[[Subject], Measured] | None
    say: str
    scale: float = 1.0

    def sentence(self, value: float, bound: float) -> str:
        """Explain a value beside its bound, with the decimals that it takes to tell them apart."""
        told = {"value": value * self.scale, "bound": bound * self.scale}
        (given,) = set(_DECIMALS.findall(self.say))
        for decimals in range(int(given), _MOST_DECIMALS + 1):
            if f"{told['value']:.{decimals}f}" != f"{told['bound']:.{decimals}f}":
                break
        return _DECIMALS.sub(f":.{decimals}f", self.say).format(**told)
