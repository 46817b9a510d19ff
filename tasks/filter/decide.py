"""From measures to verdicts: bounds of the recipe, first failing rule, all failing rules."""

import json
from typing import Any, NamedTuple

from tasks.common.bounds import Bounds, RuleBounds, TagBounds
from tasks.common.records import Source, Verdict
from tasks.filter.rule import Rule
from tasks.filter.rules import RULES

_SEVERITY: dict[Verdict, int] = {"keep": 0, "review": 1, "drop": 2}


class Finding(NamedTuple):
    """What one rule makes of one crop."""

    rule: str
    verdict: Verdict
    value: float | None = None
    bound: float | None = None
    sentence: str = ""


def decide(
    measures: dict[str, Any], source: Source, bounds: RuleBounds, *, with_mask: bool
) -> dict[str, Any]:
    """Return the verdict row of one crop.

    The worst finding decides; of equally bad ones the first in the order of the rules gives the
    reason. Rules that need a mask speak only when `with_mask`.
    """
    findings = [_judge_tags(source, bounds.excluded_scene)]
    for rule in RULES.values():
        limits: Bounds | None = getattr(bounds, rule.name)
        if limits is not None and (with_mask or not rule.needs_mask):
            findings.append(judge(rule, measures[rule.name], limits))
    failed = [finding for finding in findings if finding.verdict != "keep"]
    worst = max(findings, key=lambda finding: _SEVERITY[finding.verdict])
    return {
        "crop_id": measures["crop_id"],
        "verdict": worst.verdict,
        "reason": worst.rule if failed else None,
        "value": worst.value if failed else None,
        "bound": worst.bound if failed else None,
        "sentence": worst.sentence if failed else None,
        "failed_rules": json.dumps([finding.rule for finding in failed]),
    }


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


def _judge_tags(source: Source, limits: TagBounds | None) -> Finding:
    name = "excluded_scene"
    if limits is None:
        return Finding(name, "keep")
    if not source.scenes:
        said = f"The source has no scene tags; the recipe says {limits.missing}."
        return Finding(name, limits.missing, sentence=said)
    hit = [tag for tag in source.scenes if tag in limits.tags]
    if not hit:
        return Finding(name, "keep", 0.0, 0.0)
    said = f"The scene {', '.join(hit)} is excluded by the recipe."
    return Finding(name, "drop", float(len(hit)), 0.0, said)
