"""Statistics per rule: histogram of its values, its bounds, the crops that fail it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple, get_args

import numpy as np

from tasks.common.recipe.bounds import Bounds, RuleBounds
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rule_names import MEASURED_RULES

_BINS = 40
_SHARE = "share"
_LEAST_SPAN = 1e-6  # relative; a narrower range has no bars that differ


class Mark(NamedTuple):
    """A bound in a histogram: its name, its value, and its position, 0..1 of the width."""

    name: str
    value: float
    place: float


class RuleLine(NamedTuple):
    """What one rule measured and decided in a run.

    `bars` are heights 0..1 of a histogram from `low` to `high`. `n_failed` crops failed the rule,
    `n_first` are dropped or for review with it as the reason, `n_alone` by it and no other.
    """

    rule: str
    unit: str
    n_measured: int
    n_missing: int
    low: float
    high: float
    bars: list[float]
    marks: list[Mark]
    n_failed: int
    n_first: int
    n_alone: int


class Overlap(NamedTuple):
    """How many crops two rules both fail, and what share that is of those that either fails."""

    rule: str
    other: str
    n_both: int
    share: float


def rule_lines(crops: Iterable[RunCrop], bounds: RuleBounds) -> list[RuleLine]:
    """Return a line for each rule that measured something or failed a crop, in the rules' order.

    Reasons that are no rule of the recipe, such as an empty mask, come last, by name.
    """
    values: dict[str, list[float]] = defaultdict(list)
    failed: Counter[str] = Counter()
    first: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    n_crops = 0
    for crop in crops:
        n_crops += 1
        for rule, value in crop.verdict.measures.items():
            if value is not None:
                values[rule].append(value)
        rules = crop.verdict.failed_rules
        failed.update(rules)
        # The reason, not the first of `rules`: they are in rule order, while the reason is the
        # first with the worst verdict.
        if rules:
            first[str(crop.verdict.reason)] += 1
        if len(rules) == 1:
            alone[rules[0]] += 1
    names = [name for name in RuleBounds.model_fields if values[name] or failed[name]]
    # Such as `mask_empty`: failed crops must not vanish from the table.
    names += sorted(set(failed) - set(names))
    return [
        _line(name, values[name], n_crops, bounds, failed[name], first[name], alone[name])
        for name in names
    ]


def _line(
    name: str, values: list[float], n_crops: int, bounds: RuleBounds, *counts: int
) -> RuleLine:
    limits = bounds.of(name) if name in RuleBounds.model_fields else None
    marked = limits.by_name() if isinstance(limits, Bounds) else {}
    unit = _unit_of(name)
    low, high = _span(values, list(marked.values()), unit)
    marks = [Mark(key, value, (value - low) / (high - low)) for key, value in marked.items()]
    # Clipped, since shares are drawn from 0 to a fixed end and a value may lie beyond it: it goes
    # to the last bar instead of disappearing.
    bars = np.histogram(np.clip(values, low, high), _BINS, (low, high))[0]
    heights = (bars / max(1, bars.max())).round(4).tolist() if values else []
    missing = n_crops - len(values) if name in MEASURED_RULES else 0
    return RuleLine(name, unit, len(values), missing, low, high, heights, marks, *counts)


def _unit_of(rule: str) -> str:
    """Return the unit of the bounds that the recipe takes for a rule."""
    if rule not in MEASURED_RULES:
        return ""
    # Every field of a measured rule is `SomeBounds | None`.
    kind, _ = get_args(RuleBounds.model_fields[rule].annotation)
    return str(kind.unit)


def _span(values: list[float], bounds: list[float], unit: str) -> tuple[float, float]:
    """Return the range: shares from 0 to 1 unless they are small, else from least to most."""
    everything = [*values, *bounds] or [0.0]
    low, high = min(everything), max(everything)
    if unit == _SHARE:
        # A third: where all values lie below, most of the width would be empty.
        low, high = 0.0, 1.0 if high > 1 / 3 else max(high, 0.01)
    return low, high if high - low > _LEAST_SPAN * max(1.0, abs(low)) else low + 1.0


def overlaps(crops: Iterable[RunCrop], limit: int = 12) -> list[Overlap]:
    """Return the pairs of rules that fail most crops together, most frequent first."""
    single: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for crop in crops:
        rules = crop.verdict.failed_rules
        single.update(rules)
        pairs.update(combinations(rules, 2))
    # n / (a + b - n): the intersection over the union of the two sets of failed crops.
    ranked = sorted(pairs.items(), key=lambda entry: (-entry[1], entry[0]))[:limit]
    return [Overlap(a, b, n, n / (single[a] + single[b] - n)) for (a, b), n in ranked]
