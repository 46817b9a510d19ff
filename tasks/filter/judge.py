"""From measures to verdicts: bounds of the recipe, first failing rule, all failing rules."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from tasks.common.recipe.bounds import BitBounds, Bounds, RuleBounds
from tasks.common.records import Source, Verdict
from tasks.common.similarity.picture_hash import quality
from tasks.filter.finding import Finding, judge
from tasks.filter.rules import RULES, excluded_scene, licence
from tasks.filter.rules.near_duplicate import Likeness, nearest_kept

Row = dict[str, Any]
_SEVERITY: dict[Verdict, int] = {"keep": 0, "review": 1, "drop": 2}
_NEAR = "near_duplicate"


def judge_source(
    measures: Sequence[Row], source: Source, bounds: RuleBounds, matted: Collection[str] = ()
) -> list[Row]:
    """Return the verdict rows of one source's crops, in the order of their measures.

    Rules that need a mask speak only on crops that are `matted`. `near_duplicate` speaks last of
    those that need none, on the crops that the others let through: of nearly equal ones the better
    is kept, which is the less cut and then the sharper one.
    """
    findings = {row["crop_id"]: _without_mask(row, source, bounds) for row in measures}
    likeness = _likeness(measures, findings, bounds.near_duplicate)
    rows = []
    for measured in measures:
        crop_id = measured["crop_id"]
        near = likeness.get(crop_id, Likeness(None, None))
        row = measured | {_NEAR: near.distance}
        said = findings[crop_id] + _near_finding(near, bounds.near_duplicate)
        if crop_id in matted:
            said += _measured_findings(row, bounds, needs_mask=True)
        rows.append(row | {"nearest_crop": near.nearest_crop} | verdict_of(said))
    return rows


def findings_of(row: Row, source: Source, bounds: RuleBounds) -> list[Finding]:
    """Say what each rule with bounds makes of one crop with a verdict row, in the rules' order.

    Rules that need a mask say nothing of a crop that never was matted.
    """
    near = Likeness(row[_NEAR], row["nearest_crop"])
    said = _without_mask(row, source, bounds) + _near_finding(near, bounds.near_duplicate)
    return said + (_measured_findings(row, bounds, needs_mask=True) if is_matted(row) else [])


def is_matted(row: Row) -> bool:
    """Say whether a crop had a mask when it was measured; its share can then always be told."""
    return row["subject_share"] is not None


def verdict_of(findings: Sequence[Finding]) -> Row:
    """The worst finding decides; of equally bad ones the first gives the reason."""
    failed = [finding for finding in findings if finding.verdict != "keep"]
    worst = max(findings, key=_severity, default=Finding("", "keep"))
    return {
        "verdict": worst.verdict,
        "reason": worst.rule if failed else None,
        "value": worst.value if failed else None,
        "bound": worst.bound if failed else None,
        "sentence": worst.sentence if failed else None,
        "failed_rules": json.dumps([finding.rule for finding in failed]),
    }


def without_mask(row: Row, empty: Row | None) -> Row:
    """A crop on which the matting model found nobody is dropped, whatever the recipe says."""
    if empty is None:
        return row
    told = {name: empty[name] for name in ("reason", "value", "bound", "sentence")}
    failed = [empty["reason"], *json.loads(row["failed_rules"])]
    return row | told | {"verdict": "drop", "failed_rules": json.dumps(failed)}


def _severity(finding: Finding) -> int:
    return _SEVERITY[finding.verdict]


def _without_mask(row: Row, source: Source, bounds: RuleBounds) -> list[Finding]:
    said = []
    if bounds.excluded_scene is not None:
        said.append(excluded_scene.judge(source, bounds.excluded_scene))
    if bounds.licence is not None:
        said.append(licence.judge(source, bounds.licence))
    return said + _measured_findings(row, bounds, needs_mask=False)


def _measured_findings(row: Row, bounds: RuleBounds, *, needs_mask: bool) -> list[Finding]:
    said = []
    for rule in RULES.values():
        limits = bounds.of(rule.name)
        if rule.measure and rule.needs_mask == needs_mask and isinstance(limits, Bounds):
            said.append(judge(rule, row[rule.name], limits))
    return said


def _near_finding(near: Likeness, limits: Bounds | None) -> list[Finding]:
    """A crop that is out for another reason is compared with none, and none with it."""
    if limits is None or near.distance is None:
        return []
    finding = judge(RULES[_NEAR], near.distance, limits)
    if finding.verdict == "keep" or near.nearest_crop is None:
        return [finding]
    return [finding._replace(sentence=f"{finding.sentence} It is {near.nearest_crop}.")]


def _likeness(
    measures: Sequence[Row], findings: dict[str, list[Finding]], limits: BitBounds | None
) -> dict[str, Likeness]:
    worst = {crop_id: max(map(_severity, said), default=0) for crop_id, said in findings.items()}
    rows = [row for row in measures if worst[row["crop_id"]] < _SEVERITY["drop"]]
    rows.sort(key=lambda row: (worst[row["crop_id"]], *quality(row)))
    return nearest_kept(rows, limits.kept_from if limits else 0)
