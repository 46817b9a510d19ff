"""What each rule measured on one crop, as text beside its bounds."""

from tasks.common.recipe.bounds import Bounds, LicenceBounds, RuleBounds, TagBounds
from tasks.common.records import Source
from tasks.common.schema.channels import is_human
from tasks.common.schema.columns import Measures
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rule_names import MASK_DOUBTS, TAG_RULES
from tasks.filter.task import DRAWN, Finding, explain_trust, findings_with_people
from tasks.review.task import RuleFinding

_SETTLED = "Not judged: a person corrected this mask."


def list_findings(crop: RunCrop, source: Source, bounds: RuleBounds) -> list[RuleFinding]:
    """Return the finding of every rule on a crop, also of rules without bounds, in rule order."""
    channel = crop.matte.channel if crop.matte else None
    findings = findings_with_people(crop.verdict, source, bounds, channel)
    if is_human(channel):
        findings += [Finding(rule, "keep", sentence=_SETTLED) for rule in sorted(MASK_DOUBTS)]
    by_rule = {finding.rule: finding for finding in findings}
    return [
        _with_parts(
            _describe(rule, crop.verdict.measures.get(rule), bounds, by_rule.get(rule)),
            crop.verdict.measures,
        )
        for rule in RuleBounds.model_fields
    ]


def _describe(
    rule: str, measured: float | None, bounds: RuleBounds, finding: Finding | None
) -> RuleFinding:
    # Rules on tags judge the source, so no measure of a crop is stored for them.
    value = (finding.value if finding else None) if rule in TAG_RULES else measured
    return RuleFinding(
        rule=rule,
        value="" if value is None else f"{value:.4g}",
        bounds=_describe_bounds(bounds.of(rule)),
        verdict=finding.verdict if finding else "",
        sentence=finding.sentence if finding else "",
    )


def _with_parts(found: RuleFinding, measures: Measures) -> RuleFinding:
    """Add to the finding of `trust` what moved it, unless a person drew the mask."""
    if found.rule != "trust" or measures.get("trust") in (None, DRAWN):
        return found
    parts = f"Moved by {explain_trust(measures)} (log odds)."
    return found._replace(sentence=f"{found.sentence} {parts}".strip())


def _describe_bounds(limits: Bounds | TagBounds | LicenceBounds | None) -> str:
    match limits:
        case None:
            return "none"
        case TagBounds():
            return f"not {', '.join(limits.tags)}"
        case LicenceBounds():
            return f"one of {', '.join(limits.allowed)}"
    return ", ".join(f"{name} {value:g}" for name, value in limits.by_name().items())
