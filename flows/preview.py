"""Preview of other bounds: which verdicts of a run would change, from stored measures."""

from collections.abc import Sequence
from typing import NamedTuple

from flows.engine.decisions import rulings_on
from flows.engine.reuse import differing_parts, find_measured_run, judge_run
from flows.engine.run_record import run_folder, write_page
from tasks.common.errors import InputError
from tasks.common.recipe.override import override_recipe
from tasks.common.workspace.artifacts import Workspace
from tasks.review.task import VerdictDiff, diff_verdicts, render_verdict_diff


class Preview(NamedTuple):
    """The verdicts of a run that would change, and the URL of a page with pictures."""

    run_id: str
    sources: str
    diff: VerdictDiff
    page: str


def preview(recipe: str, changes: Sequence[str], run: str | None, workspace: Workspace) -> Preview:
    """Judge a run's crops by a recipe without and with changes, from stored measures.

    Raises:
        InputError: a change is not valid, or no run has measures that are valid for the recipe.
    """
    base, _ = override_recipe(recipe, [])
    changed, _ = override_recipe(recipe, changes)
    # Before any run is read: such a change needs other crops, which no run has.
    differing = differing_parts(changed, base)
    if differing:
        raise InputError(
            f"The {' and '.join(differing)} part determines crops and measures, so a change of it "
            "cannot be previewed. Save the recipe with --save FILE and ingest with it."
        )
    record, run_crops = find_measured_run(changed, run, workspace)
    # The stored verdicts cannot serve as `before`: the run may have had other bounds than the
    # recipe without the changes.
    rulings = rulings_on(run_crops.crops, workspace)
    before = judge_run(base.filter, record, run_crops, rulings)
    after = judge_run(changed.filter, record, run_crops, rulings)
    diff = diff_verdicts(before.crops, after.crops, before.unmatted, after.unmatted)
    note = f"Run {record.run_id}, recipe {recipe}: {', '.join(changes) or 'nothing changed'}."
    title = "What other bounds would change"
    html = render_verdict_diff(after.crops, diff, workspace, title=title, note=note)
    page = write_page(workspace, f"{run_folder(record.run_id)}/retune.html", html)
    return Preview(record.run_id, record.sources, diff, page)
