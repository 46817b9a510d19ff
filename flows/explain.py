"""Why a crop got its verdict: every value beside its bounds, with pictures."""

from typing import NamedTuple

from flows.engine.run_record import load_run, run_folder, write_page
from tasks.common.recipe.bounds import Bounds, LicenceBounds, RuleBounds, TagBounds
from tasks.common.records import Source
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rule_names import TAG_RULES
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.task import reuse_or_deduplicate
from tasks.filter.task import Finding, findings_of
from tasks.review.task import RuleFinding, read_crop, render_crop_page


class Explanation(NamedTuple):
    """A crop with its verdict, what each rule says, and a page with pictures."""

    crop: RunCrop
    findings: list[RuleFinding]
    page: str


def explain_crop(crop_id: str, run: str | None, workspace: Workspace) -> Explanation:
    """Explain the verdict on one crop of a run.

    Raises:
        InputError: there is no such run, or no such crop in it.
    """
    record = load_run(workspace, run)
    bounds = record.recipe.filter
    crops = reuse_or_deduplicate(record.outcomes, bounds, workspace)
    crop = read_crop(crops, crop_id, workspace)
    sources = {outcome.source.source_id: outcome.source for outcome in record.outcomes}
    findings = _findings(crop, sources[crop.source_id], bounds)
    target = f"{run_folder(record.run_id)}/explain/{crop.stem}.html"
    page = write_page(workspace, target, render_crop_page(crop, findings, workspace))
    return Explanation(crop, findings, page)


def _findings(crop: RunCrop, source: Source, bounds: RuleBounds) -> list[RuleFinding]:
    """Return what every rule says of a crop, also those without bounds, in the rules' order."""
    by_rule = {finding.rule: finding for finding in findings_of(crop.verdict, source, bounds)}
    return [
        _finding(rule, crop.verdict.measures.get(rule), bounds, by_rule.get(rule))
        for rule in RuleBounds.model_fields
    ]


def _finding(
    rule: str, measured: float | None, bounds: RuleBounds, finding: Finding | None
) -> RuleFinding:
    value = (finding.value if finding else None) if rule in TAG_RULES else measured
    return RuleFinding(
        rule=rule,
        value="" if value is None else f"{value:.4g}",
        bounds=_bounds_text(bounds.of(rule)),
        verdict=finding.verdict if finding else "",
        sentence=finding.sentence if finding else "",
    )


def _bounds_text(limits: Bounds | TagBounds | LicenceBounds | None) -> str:
    match limits:
        case None:
            return "none"
        case TagBounds():
            return f"not {', '.join(limits.tags)}"
        case LicenceBounds():
            return f"one of {', '.join(limits.allowed)}"
    return ", ".join(f"{name} {value:g}" for name, value in limits.by_name().items())
