"""What other bounds would change in a run, from stored measures: no model, no new picture."""

from collections.abc import Sequence
from typing import NamedTuple

from flows.engine.run_record import RunRecord, find_runs, load_run, run_folder, write_page
from tasks.common.errors import ArtifactError, InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import Recipe
from tasks.common.recipe.override import override_recipe
from tasks.common.schema.columns import decode_row, encode_row
from tasks.common.schema.rows import JudgedCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.task import Changes, Subset, compare, render_changes
from tasks.filter.task import rejudge

# The parts that shape crops and measures: where they differ, stored measures say nothing.
_MEASURING = ("download", "sample", "detect", "pose", "matte")


class Preview(NamedTuple):
    """What would change, and where it can be looked at."""

    run_id: str
    sources: str
    changes: Changes
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
    record = _measured_alike(changed, run, workspace)
    stored = Subset(record.outcomes, workspace, record.recipe.filter)
    before, unmatted_before = _judged_by(base.filter, stored)
    after, unmatted = _judged_by(changed.filter, stored)
    found = compare(before, after, unmatted_before, unmatted)
    note = f"Run {record.run_id}, recipe {recipe}: {', '.join(changes) or 'nothing changed'}."
    html = render_changes(after, found, title="What other bounds would change", note=note)
    page = write_page(workspace, f"{run_folder(record.run_id)}/retune.html", html)
    return Preview(record.run_id, record.sources, found, page)


def _judged_by(bounds: RuleBounds, stored: Subset) -> tuple[Subset, frozenset[str]]:
    """Judge the crops of a run anew; also name those that would have to be matted first."""
    verdicts = {}
    seen: set[str] = set()
    unmatted: set[str] = set()
    for outcome, rows in stored.judged:
        judged = [decode_row(JudgedCrop, row) for row in rows]
        done = rejudge(judged, outcome.source, bounds)
        verdicts[outcome.source.source_id] = [encode_row(crop) for crop in done.crops]
        unmatted |= done.unmatted - seen  # of the same bytes again, the first source counts
        seen.update(crop.crop_id for crop in done.crops)
    subset = Subset(stored.outcomes, stored.workspace, bounds, verdicts, unmatted)
    return subset, frozenset(unmatted)


def require_measured(record: RunRecord, recipe: Recipe, workspace: Workspace) -> None:
    """Make sure that a run's crops can be judged by another recipe without any model.

    Raises:
        InputError: its crops and measures were made otherwise, or the recipe lets crops through
            that never were matted.
    """
    require_alike(record, recipe)
    stored = Subset(record.outcomes, workspace, record.recipe.filter)
    _, unmatted = _judged_by(recipe.filter, stored)
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


def _measured_alike(recipe: Recipe, run: str | None, workspace: Workspace) -> RunRecord:
    """Return the named run, or the newest one whose crops and measures are the recipe's own."""
    if run:
        record = load_run(workspace, run)
        require_alike(record, recipe)
        return record
    n_unreadable = 0
    for name in reversed(find_runs(workspace)):
        try:
            record = load_run(workspace, name)
            if not _differing(recipe, record.recipe) and _has_crops(record, workspace):
                return record
        except (InputError, ArtifactError):  # made by another version, or damaged
            n_unreadable += 1
    unread = f" ({n_unreadable} could not be read)" if n_unreadable else ""
    raise InputError(
        f"No run in {workspace.place}{unread} has crops and was made with this recipe's "
        f"{', '.join(_MEASURING)} parts, so there are no measures to judge by. Ingest with this "
        "recipe first; --publish never stops after the verdicts."
    )


def _has_crops(record: RunRecord, workspace: Workspace) -> bool:
    judged = Subset(record.outcomes, workspace, record.recipe.filter).judged
    return any(rows for _, rows in judged)


def _differing(recipe: Recipe, other: Recipe) -> list[str]:
    return [part for part in _MEASURING if getattr(recipe, part) != getattr(other, part)]
