"""Runs that are published together: a collection that grows batch by batch."""

from collections.abc import Iterable, Sequence

from flows.chains import judge_again
from flows.retune import require_measured
from flows.runs import RunRecord, find_runs, load_run
from tasks.common.artifacts import Workspace
from tasks.common.errors import InputError
from tasks.common.recipe import Recipe
from tasks.common.records import SourceOutcome
from tasks.publish.versions.task import open_ledger


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
    retired = set(open_ledger(store).retired_numbers(name))
    names = [run_id for run_id in find_runs(workspace) if not before or run_id < before]
    records = [load_run(workspace, run_id) for run_id in names]
    return [
        record
        for record in records
        if record.publication is not None
        and record.publication.name == name
        and record.publication.version not in retired
    ]


def gather(
    outcomes: Iterable[SourceOutcome],
    earlier: Sequence[RunRecord],
    recipe: Recipe,
    workspace: Workspace,
) -> tuple[SourceOutcome, ...]:
    """Return the outcomes of several runs as one: each source once, by the recipe's bounds.

    A source keeps the place where it came first, and has its newest outcome that came through.

    Raises:
        InputError: an earlier run was made or measured otherwise than the recipe says.
    """
    found: dict[str, SourceOutcome] = {}
    for record in earlier:
        is_judged = record.recipe.filter == recipe.filter
        if record.recipe != recipe:
            require_measured(record, recipe, workspace)
        for outcome in record.outcomes:
            if outcome.error is None:
                found[outcome.source.source_id] = (
                    outcome if is_judged else _judged(outcome, recipe)
                )
    for outcome in outcomes:
        known = found.get(outcome.source.source_id)
        if outcome.error is None or known is None:
            found[outcome.source.source_id] = outcome
    return tuple(found.values())


def _judged(outcome: SourceOutcome, recipe: Recipe) -> SourceOutcome:
    judged = judge_again(outcome, recipe)
    if judged.error is not None:
        raise InputError(
            f"{outcome.source.source_id} could not be judged by {recipe.name}: {judged.error} "
            "Ingest with this recipe instead."
        )
    return judged
