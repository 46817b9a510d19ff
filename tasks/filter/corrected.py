"""Verdicts on crops whose mask a person corrected: doubts about a machine's mask are settled."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Source
from tasks.common.schema.channels import is_disputed, is_human
from tasks.common.schema.rows import JudgedCrop
from tasks.common.schema.rule_names import MASK_DOUBTS
from tasks.filter.judge import Decision, decide, findings_of
from tasks.filter.rule import Finding

_DISPUTED = Decision(
    "review",
    "mask_disputed",
    None,
    None,
    "People, or a person and a newer machine mask, contradict each other about this mask.",
    ("mask_disputed",),
)


def findings_with_people(
    crop: JudgedCrop, source: Source, bounds: RuleBounds, channel: str | None
) -> list[Finding]:
    """Return the findings of the rules on a crop; those that people settled are left out.

    People settle doubts about a mask by drawing it, or by saying that it is good.
    """
    findings = findings_of(crop, source, bounds)
    if not is_human(channel) and not crop.is_mask_confirmed:
        return findings
    return [finding for finding in findings if finding.rule not in MASK_DOUBTS]


def settle_by_people(
    crop: JudgedCrop, source: Source, bounds: RuleBounds, channel: str | None
) -> JudgedCrop:
    """Return the verdict on a crop whose mask comes from this annotation source.

    A machine's mask keeps its verdict. A corrected one is judged without the rules that doubt
    masks; where people contradict each other it goes to review, unless it is dropped anyway.
    """
    if not is_human(channel):
        return crop
    decision = decide(findings_with_people(crop, source, bounds, channel))
    if is_disputed(channel) and decision.verdict != "drop":
        failed = (*_DISPUTED.failed_rules, *decision.failed_rules)
        decision = _DISPUTED._replace(failed_rules=failed)
    return replace(crop, **decision._asdict())


def settle_all(
    crops: Sequence[JudgedCrop],
    source: Source,
    bounds: RuleBounds,
    channels: Mapping[str, str | None],
) -> list[JudgedCrop]:
    """Settle the verdicts on crops by people, with the annotation sources by crop id."""
    return [settle_by_people(crop, source, bounds, channels.get(crop.crop_id)) for crop in crops]
