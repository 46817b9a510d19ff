"""One batch of a long source list, as a flow run that any worker can take."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.batches import read_batch, write_outcomes
from flows.engine.end_states import refusal
from flows.engine.per_source import in_list_order, run_pipelines
from flows.engine.prefect_artifacts import create_batch_artifact, flow_run_id
from flows.engine.run_record import describe_failures
from flows.engine.task_runner import task_runner
from tasks.common.errors import InputError
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace


@flow(name="ingest-batch", flow_run_name="batch-{number}-of-{run}", task_runner=task_runner())
def ingest_batch(run: str, number: int) -> State[Any]:
    """Take one batch of a long source list through all stages. The ingest run publishes.

    Args:
        run: The name of the ingest run that this batch belongs to.
        number: The batch's number in that run, from 1.
    """
    workspace = Workspace.of(settings())
    try:
        batch = read_batch(run, number, workspace)
    except InputError as error:
        return refusal(error)
    results = run_pipelines(batch.sources, batch.recipe, settings().sources_in_flight)
    outcomes = in_list_order(batch.sources, results)
    # First of all, since a page in Prefect's UI may fail to be made, and hours of work are not lost
    # for it: the ingest run reads the outcomes from here when this one has ended, also as failed.
    write_outcomes(batch, flow_run_id(), outcomes, workspace)
    create_batch_artifact(outcomes, batch.recipe, workspace)
    workspace.trim(round(settings().copy_gb * 1e9))
    failures = describe_failures(outcomes)
    if failures:
        return Failed(name="PartialFailure", message=failures)
    return Completed(message=f"All {len(outcomes)} sources are done.")
