"""Runs that are published together: a collection that grows batch by batch.

A subset that accumulates has the members of its base version in the store. The runs of this
workspace only say more of them: with the measures of a run a source is judged by the recipe of
today, and corrections apply. What no run here can say more of is carried over as it was published
(`tasks/dataset/carry.py`).
"""

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

from flows.engine.reuse import differing_parts, judge_outcomes, require_same_measures
from flows.engine.run_record import RunRecord, find_runs, load_run
from tasks.common.errors import ArtifactError, InputError
from tasks.common.recipe.models import Recipe
from tasks.common.records import SourceOutcome
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.task import VersionRegistry, open_registry, sources_in_base


class RunOutcomes(NamedTuple):
    """The outcomes of a run, by whose name runs are ordered in time."""

    run_id: str
    outcomes: tuple[SourceOutcome, ...]


def earlier_runs(name: str, workspace: Workspace, registry: VersionRegistry) -> list[RunRecord]:
    """Return the runs that published versions of a subset in this store, oldest first.

    Runs of retired versions are left out, since they may be why it was retired. A run counts by the
    tree that the store has under its version: another store's version has the same name.
    """
    retired = set(registry.retired_numbers(name))
    trees = {commit.version: commit.tree for commit in registry.commits(name)}
    records = []
    for run_id in find_runs(workspace):
        try:
            record = load_run(workspace, run_id)
        except InputError:  # a record of another version: its samples are carried over
            continue
        made = record.publication
        if made is None or made.name != name or made.version in retired:
            continue
        if trees.get(made.version) == made.tree_id:
            records.append(record)
    return records


def join_runs(
    current: RunOutcomes, also: Sequence[str], recipe: Recipe, workspace: Workspace, store: str
) -> tuple[SourceOutcome, ...]:
    """Return the outcomes of a run joined with those of the runs that are published with it.

    These are the runs named in `also`, and for a subset that accumulates the earlier runs, as far
    as they have sources of the base version and can be judged by the recipe here. Each source comes
    once, with its newest outcome that succeeded, in the place of its first run, so that a version's
    order is stable while the collection grows.

    Raises:
        InputError: a run in `also` does not exist, or its measures are not valid for the recipe.
    """
    named = [load_run(workspace, name) for name in also if name != current.run_id]
    joined = {current.run_id: current.outcomes}
    done = {o.source.source_id for o in current.outcomes if o.error is None}
    for record, outcomes in _missing_outcomes(named, done):
        require_same_measures(record, recipe)
        joined[record.run_id] = judge_outcomes(record, outcomes, recipe, workspace)
        done |= {outcome.source.source_id for outcome in outcomes}
    if recipe.publish.accumulate:
        registry = open_registry(store)
        members = sources_in_base(registry, recipe.publish.name)
        named_ids = {current.run_id, *(record.run_id for record in named)}
        runs = earlier_runs(recipe.publish.name, workspace, registry)
        earlier = [record for record in runs if record.run_id not in named_ids]
        for record, outcomes in _missing_outcomes(earlier, done):
            own = [o for o in outcomes if o.source.source_id in members]
            joined[record.run_id] = _judged_here(record, own, recipe, workspace)
    return _once_each(joined, current)


def _judged_here(
    record: RunRecord, outcomes: Sequence[SourceOutcome], recipe: Recipe, workspace: Workspace
) -> tuple[SourceOutcome, ...]:
    """Return outcomes of an earlier run as the recipe judges them; none where that is impossible.

    Then their samples stay as they were published: other models measured them, their artifacts are
    gone, or the recipe admits crops that were never matted.
    """
    there = [outcome for outcome in outcomes if _has_artifacts(outcome, workspace)]
    if not there or differing_parts(recipe, record.recipe):
        return ()
    try:
        return judge_outcomes(record, there, recipe, workspace)
    except (InputError, ArtifactError):
        return ()


def _has_artifacts(outcome: SourceOutcome, workspace: Workspace) -> bool:
    return all(workspace.exists(result.stage, result.key) for result in outcome.stages)


def _missing_outcomes(
    earlier: Sequence[RunRecord], known: Set[str]
) -> Iterator[tuple[RunRecord, list[SourceOutcome]]]:
    """Yield runs, newest first, with the successful outcomes that no newer run has.

    `known` are the ids of the sources that need no earlier outcome.
    """
    covered_ids = set(known)
    for record in sorted(earlier, key=lambda record: record.run_id, reverse=True):
        fresh = [
            o for o in record.outcomes if o.error is None and o.source.source_id not in covered_ids
        ]
        covered_ids.update(outcome.source.source_id for outcome in fresh)
        if fresh:
            yield record, fresh


def _once_each(
    joined: dict[str, tuple[SourceOutcome, ...]], current: RunOutcomes
) -> tuple[SourceOutcome, ...]:
    """Return each source once, oldest run first; a failed outcome only where no other is there."""
    chosen: dict[str, SourceOutcome] = {}
    for run_id in sorted(joined):
        for outcome in joined[run_id]:
            source_id = outcome.source.source_id
            # The place of the first, the value of the one that succeeded.
            if source_id not in chosen or outcome.error is None:
                chosen[source_id] = outcome
    failed_now = {o.source.source_id for o in current.outcomes if o.error is not None}
    return tuple(
        outcome
        for outcome in chosen.values()
        # An earlier run may have had a source that failed there and is not in this run.
        if outcome.error is None or outcome.source.source_id in failed_now
    )
