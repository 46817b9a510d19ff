"""One batch of a long source list: a flow run of its own that any worker can take."""

from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.batches import read_batch, write_outcomes
from flows.engine.per_source import in_order, run_chains
from flows.engine.prefect_artifacts import flow_run_id, leave_sources
from flows.engine.task_runner import task_runner
from tasks.common.errors import InputError
from tasks.common.records import SourceOutcome
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace


@flow(name="ingest-batch", flow_run_name="batch-{number}-of-{run}", task_runner=task_runner())
def ingest_batch(run: str, number: int) -> State[Any]:
    """Take one batch of a long source list through all stages; the ingest run publishes.

    Args:
        run: The name of the ingest run that cut the batch.
        number: Which of its batches, from 1.
    """
    workspace = Workspace.of(settings())
    try:
        batch = read_batch(run, number, workspace)
    except InputError as error:
        return Failed(name="BadInput", message=str(error))
    ended = run_chains(batch.sources, batch.recipe, settings().sources_in_flight)
    outcomes = in_order(batch.sources, ended)
    leave_sources(outcomes, batch.recipe, workspace)
    write_outcomes(batch, flow_run_id(), outcomes, workspace)
    workspace.trim(round(settings().copy_gb * 1e9))
    return _final_state(outcomes)


def _final_state(outcomes: Sequence[SourceOutcome]) -> State[Any]:
    failed = [outcome.source.source_id for outcome in outcomes if outcome.error is not None]
    if failed:
        message = f"{len(failed)} of {len(outcomes)} sources failed: {', '.join(failed)}."
        return Failed(name="PartialFailure", message=message)
    return Completed(message=f"All {len(outcomes)} sources are done.")
