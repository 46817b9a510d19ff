"""Runs that are published together: a collection that grows batch by batch."""

from collections.abc import Iterable, Iterator, Sequence, Set

from flows.engine.reuse import judge_outcomes, require_same_measures
from flows.engine.run_record import RunRecord, find_runs, load_run
from tasks.common.errors import ArtifactError, InputError
from tasks.common.recipe.models import Recipe
from tasks.common.records import Source, SourceOutcome
from tasks.common.schema.rows import MediaRow
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.task import open_registry


def earlier_runs(
    recipe: Recipe, workspace: Workspace, store: str, before: str = ""
) -> list[RunRecord]:
    """Return the runs whose crops a subset that accumulates contains already, oldest first.

    These are the runs that were published under the recipe's name, before the run named `before`
    if it is given. Runs whose version is retired are left out: their samples must not come back.
    """
    if not recipe.publish.accumulate:
        return []
    name = recipe.publish.name
    retired = set(open_registry(store).retired_numbers(name))
    # Names begin with the time of the run, so comparing names compares times.
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
    """Require, before any work, that what comes from earlier runs has the recipe's measures.

    Raises:
        InputError: an earlier run was made with other parts, and has sources that are not in this
            run.
    """
    for record, _ in _missing_outcomes(earlier, {source.source_id for source in sources}):
        require_same_measures(record, recipe)


def join_runs(
    record: RunRecord, also: Sequence[str], workspace: Workspace, store: str
) -> tuple[SourceOutcome, ...]:
    """Return the outcomes of a run joined with those of the runs that are published with it.

    These are the runs named in `also`, and those that the subset accumulates.

    Raises:
        InputError: a run in `also` does not exist, or a run's measures are not valid for the
            recipe of `record`.
    """
    recipe = record.recipe
    accumulated = earlier_runs(recipe, workspace, store, before=record.run_id)
    named = [load_run(workspace, name) for name in also]
    by_id = {joined.run_id: joined for joined in (*accumulated, *named)}
    # A run that is named in `also` although it is the one being published.
    by_id.pop(record.run_id, None)
    oldest_first = [by_id[run_id] for run_id in sorted(by_id)]
    return join_outcomes(record.outcomes, oldest_first, recipe, workspace)


def join_outcomes(
    outcomes: Sequence[SourceOutcome],
    earlier: Sequence[RunRecord],
    recipe: Recipe,
    workspace: Workspace,
) -> tuple[SourceOutcome, ...]:
    """Join the outcomes of several runs: each source once, judged by the recipe.

    A source keeps the position of its first run, so that a version's order is stable while the
    collection grows. Its outcome is the newest one that succeeded, else that of this run.

    Raises:
        InputError: the measures of an earlier run are not valid for the recipe, or a source has
            other bytes than in an earlier run.
    """
    succeeded = {o.source.source_id: o for o in outcomes if o.error is None}
    if recipe.publish.accumulate != "replace":
        require_same_bytes(succeeded.values(), earlier, workspace)
    for record, missing in _missing_outcomes(earlier, succeeded.keys()):
        require_same_measures(record, recipe)
        judged = judge_outcomes(record, missing, recipe, workspace)
        # Newest first, and each source once: an older outcome never replaces a newer one.
        succeeded |= {outcome.source.source_id: outcome for outcome in judged}
    all_outcomes = [*(o for record in earlier for o in record.outcomes), *outcomes]
    source_ids = dict.fromkeys(o.source.source_id for o in all_outcomes)
    current = {o.source.source_id: o for o in outcomes}
    # An earlier run may have had a source that failed there and is not in this run: no outcome.
    newest = (succeeded.get(source_id) or current.get(source_id) for source_id in source_ids)
    return tuple(outcome for outcome in newest if outcome is not None)


def require_same_bytes(
    outcomes: Iterable[SourceOutcome], earlier: Sequence[RunRecord], workspace: Workspace
) -> None:
    """Require that a source is still what it was: else the samples of the earlier one vanish.

    Raises:
        InputError: a source has other bytes than in the newest earlier run with it.
    """
    former: dict[str, tuple[SourceOutcome, str]] = {}
    for record in earlier:
        former |= {o.source.source_id: (o, record.run_id) for o in record.outcomes if not o.error}
    replaced = [
        f"{name} (run {former[name][1]})"
        for outcome in outcomes
        if (name := outcome.source.source_id) in former
        and not _has_bytes_of(outcome, former[name][0], workspace)
    ]
    if replaced:
        raise InputError(
            f"{len(replaced)} sources have other bytes than when they were published, so that "
            f"their samples would vanish: {', '.join(replaced[:5])}. If these are other files of "
            "the same name, give the folder a prefix or the source another source_id; if they were "
            "edited, set accumulate: replace."
        )


def _has_bytes_of(outcome: SourceOutcome, former: SourceOutcome, workspace: Workspace) -> bool:
    now, then = outcome.result("download"), former.result("download")
    if now is None or then is None or now.digest == then.digest:
        return True
    # The digest also covers what the probe found and the annotation, which may be corrected.
    try:
        tables = [workspace.rows(MediaRow, result) for result in (now, then)]
    except ArtifactError:  # of another version, so that the bytes cannot be compared
        return False
    now_ids, then_ids = ({row.media_id for row in rows} for rows in tables)
    return now_ids == then_ids


def _missing_outcomes(
    earlier: Sequence[RunRecord], known: Set[str]
) -> Iterator[tuple[RunRecord, list[SourceOutcome]]]:
    """Yield runs, newest first, with the successful outcomes that no newer run has.

    `known` are the ids of the sources that need no earlier outcome.
    """
    covered_ids = set(known)
    for record in reversed(earlier):
        fresh = [
            o for o in record.outcomes if o.error is None and o.source.source_id not in covered_ids
        ]
        covered_ids.update(outcome.source.source_id for outcome in fresh)
        if fresh:
            yield record, fresh
