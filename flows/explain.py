"""Why a crop got its verdict: every value beside its bounds, with pictures."""

from typing import Any, NamedTuple

from flows.engine.run_record import load_run, run_folder, write_page
from tasks.common.recipe.bounds import Bounds, LicenceBounds, RuleBounds, TagBounds
from tasks.common.schema.columns import decode_row
from tasks.common.schema.rows import JudgedCrop
from tasks.common.schema.rule_names import TAG_RULES
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.task import Judged, RuleWord, Subset, find_crop, render_closeup
from tasks.filter.task import Finding, findings_of


class Explanation(NamedTuple):
    """A crop with its verdict, what each rule says, and a page with pictures."""

    judged: Judged
    words: list[RuleWord]
    page: str


def explain_crop(crop_id: str, run: str | None, workspace: Workspace) -> Explanation:
    """Explain the verdict on one crop of a run.

    Raises:
        InputError: there is no such run, or no such crop in it.
    """
    record = load_run(workspace, run)
    bounds = record.recipe.filter
    found = find_crop(Subset(record.outcomes, workspace, bounds), crop_id)
    judged = found.judged
    verdict = decode_row(JudgedCrop, judged.verdict)
    said = {finding.rule: finding for finding in findings_of(verdict, judged.source, bounds)}
    words = [_word(rule, judged.verdict, bounds, said) for rule in RuleBounds.model_fields]
    target = f"{run_folder(record.run_id)}/explain/{judged.stem}.html"
    page = write_page(workspace, target, render_closeup(found, words, workspace))
    return Explanation(judged, words, page)


def _word(rule: str, row: dict[str, Any], bounds: RuleBounds, said: dict[str, Finding]) -> RuleWord:
    limits, finding = bounds.of(rule), said.get(rule)
    value = (finding.value if finding else None) if rule in TAG_RULES else row[rule]
    return RuleWord(
        rule=rule,
        value="" if value is None else f"{value:.4g}",
        bounds=_bounds_text(limits),
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
