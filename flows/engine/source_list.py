"""A source list of any length through all stages: in this flow run, or in batches."""

from flows.engine.batches import write_batches
from flows.engine.dispatch import BatchFlow, run_batches
from flows.engine.per_source import in_list_order, run_pipelines
from flows.engine.prefect_artifacts import track_progress
from tasks.common.recipe.models import Recipe
from tasks.common.records import Source, SourceOutcome
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace


def run_source_list(
    sources: tuple[Source, ...],
    recipe: Recipe,
    run_id: str,
    batch_flow: BatchFlow,
    workspace: Workspace,
) -> tuple[tuple[SourceOutcome, ...], dict[str, str]]:
    """Take sources through all stages; a list longer than a batch runs in batches.

    Returns:
        The outcomes in the order of the list, and the ids of the batches' flow runs by source id.
    """
    size = settings().batch_size
    # A batch costs a flow run with its own start; a short list is done before a worker polls.
    if len(sources) <= size:
        outcomes = run_pipelines(sources, recipe, settings().sources_in_flight)
        return in_list_order(sources, track_progress(outcomes, len(sources), "sources")), {}
    return _run_in_batches(sources, recipe, run_id, size, batch_flow, workspace)


def _run_in_batches(
    sources: tuple[Source, ...],
    recipe: Recipe,
    run_id: str,
    size: int,
    batch_flow: BatchFlow,
    workspace: Workspace,
) -> tuple[tuple[SourceOutcome, ...], dict[str, str]]:
    batches = write_batches(run_id, sources, recipe, size, workspace)
    finished = run_batches(batches, batch_flow, workspace)
    # Batches end in any order; what is published depends on the order of the list.
    in_order = sorted(
        track_progress(finished, len(batches), "batches"), key=lambda end: end.batch.number
    )
    outcomes = tuple(outcome for end in in_order for outcome in end.outcomes)
    flow_runs = {source.source_id: end.flow_run for end in in_order for source in end.batch.sources}
    return outcomes, flow_runs
