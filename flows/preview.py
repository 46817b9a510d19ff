"""What other bounds would change in a run, from stored measures: no model, no new picture."""

from collections.abc import Sequence
from typing import NamedTuple

from flows.engine.run_record import RunRecord, find_runs, load_run, run_folder, write_page
from tasks.common.errors import ArtifactError, InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import Recipe
from tasks.common.recipe.override import override_recipe
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.run_crops import RunCrops
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.task import reuse_or_deduplicate, settle
from tasks.filter.rejudge_run import rejudge_run
from tasks.review.task import VerdictDiff, diff_verdicts, render_verdict_diff

# The parts of a recipe that shape crops and measures: where they differ, stored measures are of
# other crops.
_MEASURING = ("download", "sample", "detect", "pose", "matte")


class Preview(NamedTuple):
    """What would change in the verdicts of a run, and the address of a page with pictures."""

    run_id: str
    sources: str
    diff: VerdictDiff
    page: str


def preview(recipe: str, changes: Sequence[str], run: str | None, workspace: Workspace) -> Preview:
    """Judge a run's crops by a recipe as it is and with changes, from stored measures.

    Raises:
        InputError: a change is wrong, or no run was measured as the recipe says.
    """
    base, _ = override_recipe(recipe, [])
    changed, _ = override_recipe(recipe, changes)
    shaping = _differing(changed, base)
    if shaping:
        raise InputError(
            f"The {' and '.join(shaping)} part shapes crops and measures, so a change of it cannot "
            "be previewed. Keep it with --save FILE and ingest with that recipe."
        )
    record, run_crops = _measured_alike(changed, run, workspace)
    # Both sides are judged again: the run may have had other bounds than the recipe as it is.
    before = _judge_by(base.filter, record, run_crops)
    after = _judge_by(changed.filter, record, run_crops)
    diff = diff_verdicts(before.crops, after.crops, before.unmatted, after.unmatted)
    note = f"Run {record.run_id}, recipe {recipe}: {', '.join(changes) or 'nothing changed'}."
    title = "What other bounds would change"
    html = render_verdict_diff(after.crops, diff, workspace, title=title, note=note)
    page = write_page(workspace, f"{run_folder(record.run_id)}/retune.html", html)
    return Preview(record.run_id, record.sources, diff, page)


class _Judged(NamedTuple):
    """The crops of a run with their last verdicts under some bounds.

    `unmatted` names those that would have to be matted first.
    """

    crops: tuple[RunCrop, ...]
    unmatted: frozenset[str]


def _judge_by(bounds: RuleBounds, record: RunRecord, run: RunCrops) -> _Judged:
    sources = {outcome.source.source_id: outcome.source for outcome in record.outcomes}
    rejudged = rejudge_run(run.crops, sources, bounds)
    settled = settle(rejudged.crops, bounds.near_duplicate, rejudged.unmatted)
    return _Judged(settled.crops, rejudged.unmatted)


def _run_crops(record: RunRecord, workspace: Workspace) -> RunCrops:
    crops = reuse_or_deduplicate(record.outcomes, record.recipe.filter, workspace)
    return workspace.run_crops(crops)


def require_measured(record: RunRecord, recipe: Recipe, workspace: Workspace) -> None:
    """Make sure that a run's crops can be judged by another recipe without any model.

    Raises:
        InputError: its crops and measures were made otherwise, or the recipe lets crops through
            that never were matted.
    """
    require_alike(record, recipe)
    unmatted = _judge_by(recipe.filter, record, _run_crops(record, workspace)).unmatted
    if unmatted:
        raise InputError(
            f"{len(unmatted)} crops of run {record.run_id} pass these bounds before matting but "
            f"never were matted, such as {min(unmatted)}. Ingest with this recipe: only they are "
            "computed."
        )


def require_alike(record: RunRecord, recipe: Recipe) -> None:
    """Make sure that a run's crops and measures are what another recipe would make.

    Raises:
        InputError: the recipe shapes them otherwise.
    """
    differing = _differing(recipe, record.recipe)
    if differing:
        raise InputError(
            f"The run {record.run_id} was made with another {' and '.join(differing)} part than "
            "this recipe; its measures say nothing about it. Ingest with this recipe first."
        )


def _measured_alike(
    recipe: Recipe, run: str | None, workspace: Workspace
) -> tuple[RunRecord, RunCrops]:
    """Return the named run, or the newest one whose crops and measures are the recipe's own."""
    if run:
        record = load_run(workspace, run)
        require_alike(record, recipe)
        return record, _run_crops(record, workspace)
    n_unreadable = 0
    for name in reversed(find_runs(workspace)):
        try:
            record = load_run(workspace, name)
            if _differing(recipe, record.recipe):
                continue
            run_crops = _run_crops(record, workspace)
        except (InputError, ArtifactError):  # made by another version, or damaged
            n_unreadable += 1
            continue
        if run_crops.crops:
            return record, run_crops
    unread = f" ({n_unreadable} could not be read)" if n_unreadable else ""
    raise InputError(
        f"No run in {workspace.location}{unread} has crops and was made with this recipe's "
        f"{', '.join(_MEASURING)} parts, so there are no measures to judge by. Ingest with this "
        "recipe first; --publish never stops after the verdicts."
    )


def _differing(recipe: Recipe, other: Recipe) -> list[str]:
    return [part for part in _MEASURING if getattr(recipe, part) != getattr(other, part)]
