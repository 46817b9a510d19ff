"""Runs that are published together: a collection that grows batch by batch."""

from collections.abc import Iterable, Iterator, Sequence, Set

from flows.engine.per_source import judge_again
from flows.engine.run_record import RunRecord, find_runs, load_run
from flows.preview import require_alike, require_measured
from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.records import Source, SourceOutcome
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.task import open_registry


def earlier_runs(
    recipe: Recipe, workspace: Workspace, store: str, before: str = ""
) -> list[RunRecord]:
    """Return the runs whose crops a subset that accumulates holds already, oldest first.

    These are the runs that were published under the recipe's name, before the run named `before`
    if one is; not those of which a version is retired, since what it gave is not wanted.
    """
    if not recipe.publish.accumulate:
        return []
    name = recipe.publish.name
    retired = set(open_registry(store).retired_numbers(name))
    names = [run_id for run_id in find_runs(workspace) if not before or run_id < before]
    records = [load_run(workspace, run_id) for run_id in names]
    return [
        record
        for record in records
        if record.publication is not None
        and record.publication.name == name
        and record.publication.version not in retired
    ]


def require_joinable(
    earlier: Sequence[RunRecord], sources: Iterable[Source], recipe: Recipe
) -> None:
    """Make sure, before any work, that what is taken from earlier runs was made alike.

    Raises:
        InputError: an earlier run was made otherwise, and has sources that are not worked on now.
    """
    for record, _ in _needed(earlier, {source.source_id for source in sources}):
        require_alike(record, recipe)


def gather(
    outcomes: Sequence[SourceOutcome],
    earlier: Sequence[RunRecord],
    recipe: Recipe,
    workspace: Workspace,
) -> tuple[SourceOutcome, ...]:
    """Return the outcomes of several runs as one: each source once, judged by the recipe.

    A source keeps the place where it came first, and has its newest outcome that came through.

    Raises:
        InputError: an earlier run was made or measured otherwise than the recipe says.
    """
    done = {o.source.source_id: o for o in outcomes if o.error is None}
    for record, missing in _needed(earlier, done.keys()):
        done |= {o.source.source_id: o for o in _judged_by(recipe, record, missing, workspace)}
    all_outcomes = [*(o for record in earlier for o in record.outcomes), *outcomes]
    source_ids = dict.fromkeys(o.source.source_id for o in all_outcomes)
    failed = {o.source.source_id: o for o in outcomes}
    newest = (done.get(source_id) or failed.get(source_id) for source_id in source_ids)
    return tuple(outcome for outcome in newest if outcome is not None)


def _needed(
    earlier: Sequence[RunRecord], known: Set[str]
) -> Iterator[tuple[RunRecord, list[SourceOutcome]]]:
    """Yield the runs, newest first, with what only they have."""
    seen = set(known)
    for record in reversed(earlier):
        fresh = [o for o in record.outcomes if o.error is None and o.source.source_id not in seen]
        seen.update(outcome.source.source_id for outcome in fresh)
        if fresh:
            yield record, fresh


def _judged_by(
    recipe: Recipe, record: RunRecord, outcomes: Sequence[SourceOutcome], workspace: Workspace
) -> Sequence[SourceOutcome]:
    require_alike(record, recipe)
    if record.recipe.filter == recipe.filter:
        return outcomes
    require_measured(record, recipe, workspace)
    return [judge_by(outcome, recipe) for outcome in outcomes]


def judge_by(outcome: SourceOutcome, recipe: Recipe) -> SourceOutcome:
    """Judge one source's crops by another recipe, from stored measures.

    Raises:
        InputError: they cannot be judged by it.
    """
    judged = judge_again(outcome, recipe)
    if judged.error is not None and outcome.error is None:
        raise InputError(
            f"{outcome.source.source_id} could not be judged by {recipe.name}: {judged.error} "
            "Ingest with this recipe instead."
        )
    return judged
