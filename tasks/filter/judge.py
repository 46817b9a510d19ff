"""Judge measured crops by the recipe's bounds: verdict, first failing rule, all failing rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from tasks.common.recipe.bounds import BitBounds, Bounds, RuleBounds
from tasks.common.records import Drop, Source, Verdict
from tasks.common.schema.columns import Measures
from tasks.common.schema.rows import JudgedCrop, MeasuredCrop
from tasks.common.schema.rulings import NO_RULING, Ruling
from tasks.common.similarity.picture_hash import quality_key
from tasks.filter.rule import Finding
from tasks.filter.rules import RULES, excluded_scene, licence
from tasks.filter.rules.near_duplicate import NearestCrop, nearest_kept

__all__ = ["Finding", "drop_empty_mask", "findings_of", "is_matted", "judge_source"]

_SEVERITY: dict[Verdict, int] = {"keep": 0, "review": 1, "drop": 2}
_NEAR = "near_duplicate"
Rulings = Mapping[str, Ruling]
"""What curators decided, by crop id; most crops have no ruling."""
NO_RULINGS: Rulings = MappingProxyType({})


class Decision(NamedTuple):
    """The verdict that follows from the findings on a crop, with its reason."""

    verdict: Verdict
    reason: str | None
    value: float | None
    bound: float | None
    sentence: str | None
    failed_rules: tuple[str, ...]


def judge_source(
    measured: Sequence[MeasuredCrop],
    source: Source,
    bounds: RuleBounds,
    matted: Collection[str] = (),
    rulings: Rulings = NO_RULINGS,
) -> list[JudgedCrop]:
    """Return the verdicts of the rules on one source's crops, in the order of their measures.

    Rules that need a mask judge only the crops that are `matted`. `near_duplicate` is the last of
    the rules that need none, and compares only crops that the others do not drop: of nearly equal
    crops the better one is kept, the less cut, then the sharper.
    """
    findings = {crop.crop_id: _before_matting(crop.measures, source, bounds) for crop in measured}
    # After the other rules of this pass: a crop that they drop must not displace a good one.
    worst = {
        crop_id: _SEVERITY[ruled_verdict(rulings.get(crop_id, NO_RULING), decide(of_crop).verdict)]
        for crop_id, of_crop in findings.items()
    }
    nearest = _nearest_kept(measured, worst, bounds.near_duplicate)
    judged = []
    for crop in measured:
        near = nearest.get(crop.crop_id, NearestCrop(None, None))
        of_crop = findings[crop.crop_id] + _near_findings(near, bounds.near_duplicate)
        # Screening judges before matting, with nothing matted: these rules have no value yet, and a
        # missing value would decide by `missing`.
        if crop.crop_id in matted:
            of_crop += _measured_findings(crop.measures, bounds, needs_mask=True)
        judged.append(_judged(crop, near, decide(of_crop)))
    return judged


def findings_of(crop: JudgedCrop, source: Source, bounds: RuleBounds) -> list[Finding]:
    """Return the finding of each rule with bounds on one judged crop, in the rules' order.

    Rules that need a mask have no finding on a crop that was never matted.
    """
    near = NearestCrop(crop.measures[_NEAR], crop.nearest_crop)
    findings = _before_matting(crop.measures, source, bounds)
    findings += _near_findings(near, bounds.near_duplicate)
    if is_matted(crop.measures):
        findings += _measured_findings(crop.measures, bounds, needs_mask=True)
    return findings


def is_matted(measures: Measures) -> bool:
    """Say whether a crop had a mask when it was measured; its share is then always measurable."""
    return measures["subject_share"] is not None


def decide(findings: Sequence[Finding]) -> Decision:
    """Return the worst verdict; the first finding with that verdict gives the reason."""
    failed = [finding for finding in findings if finding.verdict != "keep"]
    if not failed:
        return Decision("keep", None, None, None, None, ())
    worst = max(
        failed, key=_severity
    )  # `max` returns the first of equals, hence the first rule in order
    names = tuple(finding.rule for finding in failed)
    return Decision(worst.verdict, worst.rule, worst.value, worst.bound, worst.sentence, names)


def ruled_verdict(ruling: Ruling, by_rules: Verdict) -> Verdict:
    """Return what a curator's decision makes of the verdict of the rules.

    A bad mask is for review; it does not bring back what a rule drops.
    """
    match ruling.judgement.action if ruling.judgement else None:
        case "keep":
            return "keep"
        case "drop":
            return "drop"
        case "review" | "needs_person":
            return "review"
        case "bad_mask":
            return max(by_rules, "review", key=_SEVERITY.__getitem__)
    return by_rules


def drop_empty_mask(crop: JudgedCrop, matte_drop: Drop | None) -> JudgedCrop:
    """Drop a crop on which the matting model found no person, whatever the recipe's bounds say.

    `matte_drop` is the drop of the matte stage; without one the crop stays as it is.
    """
    if matte_drop is None:
        return crop
    return replace(
        crop,
        verdict="drop",
        reason=matte_drop.reason,
        value=matte_drop.value,
        bound=matte_drop.bound,
        sentence=matte_drop.sentence,
        # First, since it is the reason; the others stay for statistics.
        failed_rules=(matte_drop.reason, *crop.failed_rules),
    )


def _judged(crop: MeasuredCrop, near: NearestCrop, decision: Decision) -> JudgedCrop:
    return JudgedCrop(
        crop_id=crop.crop_id,
        **decision._asdict(),
        nearest_crop=near.crop_id,
        measures={**crop.measures, _NEAR: near.distance},
        hash=crop.hash,
        mirror_hash=crop.mirror_hash,
    )


def _severity(finding: Finding) -> int:
    return _SEVERITY[finding.verdict]


def _before_matting(measures: Measures, source: Source, bounds: RuleBounds) -> list[Finding]:
    """Return the findings of all rules that need no mask but `near_duplicate`."""
    # Both judge the source's tags, so they cost nothing and come first.
    findings = []
    if bounds.excluded_scene is not None:
        findings.append(excluded_scene.judge(source, bounds.excluded_scene))
    if bounds.licence is not None:
        findings.append(licence.judge(source, bounds.licence))
    return findings + _measured_findings(measures, bounds, needs_mask=False)


def _measured_findings(
    measures: Measures, bounds: RuleBounds, *, needs_mask: bool
) -> list[Finding]:
    findings = []
    for rule in RULES.values():
        limits = bounds.of(rule.name)
        if rule.measure and rule.needs_mask == needs_mask and isinstance(limits, Bounds):
            findings.append(rule.judge(measures[rule.name], limits))
    return findings


def _near_findings(near: NearestCrop, limits: Bounds | None) -> list[Finding]:
    """Return the finding of `near_duplicate`; none for a crop that was not compared."""
    if limits is None or near.distance is None:
        return []
    finding = RULES[_NEAR].judge(near.distance, limits)
    if finding.verdict == "keep" or near.crop_id is None:
        return [finding]
    return [finding._replace(sentence=f"{finding.sentence} It is {near.crop_id}.")]


def _nearest_kept(
    measured: Sequence[MeasuredCrop],
    worst: Mapping[str, int],
    limits: BitBounds | None,
) -> dict[str, NearestCrop]:
    """Compare the crops that nothing else drops, the best first; `worst` is their severity.

    A crop for review comes after all kept ones: a curator may reject it, and then no other crop
    must have been dropped in its favour.
    """
    candidates = [crop for crop in measured if worst[crop.crop_id] < _SEVERITY["drop"]]
    candidates.sort(
        key=lambda crop: (
            worst[crop.crop_id],
            *quality_key(crop.crop_id, crop.measures),
        )
    )
    return nearest_kept(candidates, limits.kept_from if limits else 0)
