"""What one rule makes of one crop."""

from typing import NamedTuple

from tasks.common.recipe.bounds import Bounds
from tasks.common.records import Verdict
from tasks.filter.rule import Rule


class Finding(NamedTuple):
    """A rule's verdict on a crop, with the value, the bound that decided and a sentence."""

    rule: str
    verdict: Verdict
    value: float | None = None
    bound: float | None = None
    sentence: str = ""


def judge(rule: Rule, value: float | None, limits: Bounds) -> Finding:
    """Hold one value against its bounds: the bound itself is still good enough."""
    if value is None:
        said = f"{rule.name} could not be measured; the recipe says {limits.missing}."
        return Finding(rule.name, limits.missing, sentence=said)
    steps: list[tuple[float | None, bool, Verdict]] = [
        (limits.min, True, "drop"),
        (limits.max, False, "drop"),
        (limits.review_min, True, "review"),
        (limits.review_max, False, "review"),
    ]
    for bound, is_lower, verdict in steps:
        if bound is not None and (value < bound if is_lower else value > bound):
            return Finding(rule.name, verdict, value, bound, rule.sentence(value, bound))
    return Finding(rule.name, "keep", value)
