"""The rules' verdicts on many crops at once, as `rejudge` gives them one by one.

For a curator who moves a bound over a hundred thousand crops: columns of numpy, no object per crop.
A property test compares every verdict and reason with those of `rejudge`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.recipe.bounds import Bounds, LicenceBounds, RuleBounds, TagBounds
from tasks.common.records import Source, Verdict
from tasks.common.schema.decided import DECISION
from tasks.common.schema.decisions import Action
from tasks.common.schema.rule_names import MASK_DOUBTS, TAG_RULES
from tasks.common.schema.rulings import Ruling
from tasks.common.similarity.near_graph import Flags, NearGraph, Ranks
from tasks.filter.rules import RULES, excluded_scene, licence

Codes = NDArray[np.uint8]
KEEP, REVIEW, DROP = np.uint8(0), np.uint8(1), np.uint8(2)
VERDICTS: tuple[Verdict, ...] = ("keep", "review", "drop")
"""The verdicts by code."""

_NEAR = "near_duplicate"
_BEFORE = tuple(name for name, rule in RULES.items() if rule.measure and not rule.needs_mask)
_AFTER = tuple(name for name, rule in RULES.items() if rule.needs_mask)
REASONS = ("", *TAG_RULES, *_BEFORE, _NEAR, *_AFTER, "mask_disputed", DECISION, "mask_empty")
"""The reasons by code: those of rules in the order in which a first failing rule is named."""
_CODE = {reason: np.uint8(code) for code, reason in enumerate(REASONS)}
_ACTIONS: tuple[Action, ...] = ("keep", "drop", "review", "needs_person", "bad_mask")
_ACTION = {action: code for code, action in enumerate(_ACTIONS, start=1)}


@dataclass(frozen=True)
class RulingColumns:
    """What curators decided, by crop: the code of the action (0: none), and two facts."""

    action: Codes
    is_applied: Flags  # the answer was given for another crop of its cluster
    is_good_mask: Flags

    @classmethod
    def of(cls, positions: Mapping[str, int], rulings: Mapping[str, Ruling]) -> "RulingColumns":
        """Return the columns of crops; `positions` are those of their stems."""
        n = len(positions)
        columns = cls(np.zeros(n, np.uint8), np.zeros(n, bool), np.zeros(n, bool))
        for stem, ruling in rulings.items():
            if (at := positions.get(stem)) is not None:
                judged = ruling.judgement
                columns.action[at] = _ACTION[judged.action] if judged else 0
                columns.is_applied[at] = judged is not None and judged.applied_from is not None
                columns.is_good_mask[at] = ruling.good_mask is not None
        return columns

    def are(self, *actions: Action) -> Flags:
        """Say which crops have one of these actions."""
        return np.isin(self.action, [_ACTION[action] for action in actions])

    def ruled(self, by_rules: Codes) -> Codes:
        """Return what decisions make of the verdicts of rules, as `ruled_verdict` does."""
        ruled = np.where(self.are("keep"), KEEP, by_rules)
        ruled = np.where(self.are("drop"), DROP, ruled)
        ruled = np.where(self.are("review", "needs_person"), REVIEW, ruled)
        return np.where(self.are("bad_mask"), np.maximum(by_rules, REVIEW), ruled)


@dataclass(frozen=True)
class Verdicts:
    """Verdicts and reasons by code. `unmatted`: admitted to matting, but never matted."""

    codes: Codes
    reasons: Codes
    unmatted: Flags


@dataclass(frozen=True)
class MeasureColumns:
    """The stored measures of crops, NaN where a rule could not measure.

    `source_of` are positions in `sources`; `quality` is the rank of a crop among all, best first.
    `graph` has the near pairs within a source.
    """

    sources: Sequence[Source]
    source_of: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    is_matted: Flags
    is_empty: Flags
    is_human: Flags
    is_disputed: Flags
    has_hash: Flags
    quality: Ranks
    graph: NearGraph
    # By rule, for the bounds of the last call: one slider moves one rule.
    _severities: dict[str, tuple[Any, Codes]] = field(default_factory=dict)

    def judge(self, bounds: RuleBounds, decided: RulingColumns) -> Verdicts:
        """Return the verdicts of each source's own filter under these bounds and decisions."""
        n = len(self.source_of)
        worst, reason = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
        for rule in (*TAG_RULES, *_BEFORE):
            _add(worst, reason, self._severity(rule, bounds), rule)
        near = self._near(bounds, decided.ruled(worst))
        _add(worst, reason, near, _NEAR)
        is_settled = self.is_human | decided.is_good_mask
        for rule in _AFTER:
            severity = self._severity(rule, bounds)
            if severity is not None:
                is_judged = self.is_matted & ~is_settled if rule in MASK_DOUBTS else self.is_matted
                _add(worst, reason, np.where(is_judged, severity, KEEP), rule)
        is_disputed = self.is_disputed & ~decided.is_good_mask & (worst != DROP)
        _set(worst, reason, is_disputed, REVIEW, "mask_disputed")
        by_rules = worst.copy()
        self._decide(worst, reason, near, decided)
        is_empty = self.is_empty & ~((worst == DROP) & (by_rules == DROP))
        _set(worst, reason, is_empty, DROP, "mask_empty")
        return Verdicts(worst, reason, (worst != DROP) & ~self.is_matted & ~self.is_empty)

    def _decide(
        self, worst: Codes, reason: Codes, near: Codes | None, decided: RulingColumns
    ) -> None:
        """Overrule the verdicts of rules in place, as `settle_by_decisions` does."""
        ruled, keeps = decided.ruled(worst), decided.are("keep")
        is_own = (decided.action == 0) | ((ruled == KEEP) & (worst == KEEP))
        is_own |= decided.are("bad_mask") & (worst == DROP)
        if near is not None:
            is_copy = keeps & decided.is_applied & (near != KEEP)
            worst[is_copy], reason[is_copy] = near[is_copy], _CODE[_NEAR]
            is_own |= is_copy
        ruled = np.where(keeps & ~self.is_matted, REVIEW, ruled)
        worst[~is_own], reason[~is_own] = ruled[~is_own], _CODE[DECISION]

    def _near(self, bounds: RuleBounds, severity: Codes) -> Codes | None:
        limits = bounds.near_duplicate
        if limits is None:
            return None
        is_compared = (severity != DROP) & self.has_hash
        ranks = np.where(is_compared, severity * np.int64(len(severity)) + self.quality, -1)
        distances = self.graph.nearest_kept(ranks, limits.kept_from).astype(np.float64)
        return np.where(is_compared, severities(distances, limits), KEEP)

    def _severity(self, rule: str, bounds: RuleBounds) -> Codes | None:
        limits = bounds.of(rule)
        known = self._severities.get(rule)
        if known is not None and known[0] == limits:
            return known[1]
        if limits is None:
            return None
        found = (
            severities(self.values[rule], limits)
            if isinstance(limits, Bounds)
            else np.array(_of_sources(self.sources, limits), np.uint8)[self.source_of]
        )
        self._severities[rule] = (limits, found)
        return found


def severities(values: NDArray[np.float64], limits: Bounds) -> Codes:
    """Return the codes of the verdicts on values, as `Rule.judge` gives them."""
    found = np.zeros(len(values), np.uint8)
    for low, high, code in (
        (limits.review_min, limits.review_max, REVIEW),
        (limits.min, limits.max, DROP),
    ):
        # Comparisons with NaN are false.
        if low is not None:
            found[values < low] = code
        if high is not None:
            found[values > high] = code
    found[np.isnan(values)] = VERDICTS.index(limits.missing)
    return found


def _of_sources(sources: Iterable[Source], limits: TagBounds | LicenceBounds) -> list[int]:
    findings = (
        excluded_scene.judge(source, limits)
        if isinstance(limits, TagBounds)
        else licence.judge(source, limits)
        for source in sources
    )
    return [VERDICTS.index(finding.verdict) for finding in findings]


def _add(worst: Codes, reason: Codes, severity: Codes | None, rule: str) -> None:
    """Take in the verdicts of one rule: a worse one than those before gives the reason."""
    if severity is not None:
        _set(worst, reason, severity > worst, severity, rule)


def _set(worst: Codes, reason: Codes, where: Flags, severity: Codes | np.uint8, name: str) -> None:
    np.copyto(worst, severity, where=where)
    reason[where] = _CODE[name]
