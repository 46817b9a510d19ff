"""Long source lists are cut into batches, each a flow run of its own that any worker can take."""

from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import TypeAdapter, ValidationError

from flows.engine.per_source import in_order, run_chains
from flows.engine.prefect_artifacts import flow_run_id, leave_sources
from flows.engine.run_record import run_folder
from flows.engine.task_runner import task_runner
from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.records import WHOLE_ADDRESSES, Record, Source, SourceOutcome
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace

_OUTCOMES = TypeAdapter(tuple[SourceOutcome, ...])


class Batch(Record):
    """Some sources of a run with the recipe itself, since its file may be on another machine."""

    run_id: str
    number: int
    sources: tuple[Source, ...]
    recipe: Recipe


def write_batches(
    run_id: str, sources: Sequence[Source], recipe: Recipe, size: int, workspace: Workspace
) -> list[Batch]:
    """Cut a list into batches of at most `size` sources and leave them where all workers look."""
    batches = [
        Batch(
            run_id=run_id,
            number=1 + first // size,
            sources=tuple(sources[first : first + size]),
            recipe=recipe,
        )
        for first in range(0, len(sources), size)
    ]
    for batch in batches:
        path = f"{batch_folder(run_id, batch.number)}/batch.json"
        order = batch.model_dump_json(indent=1, context=WHOLE_ADDRESSES)
        workspace.write(path, order.encode())
    return batches


def batch_folder(run_id: str, number: int) -> str:
    """Return the folder of a batch, relative to the workspace."""
    return f"{run_folder(run_id)}/batches/{number:04d}"


def read_outcomes(
    batch: Batch, flow_run: str, workspace: Workspace
) -> tuple[SourceOutcome, ...] | None:
    """Return what a flow run made of a batch, or None when it did not come to its end."""
    text = workspace.read(f"{batch_folder(batch.run_id, batch.number)}/{flow_run}.json")
    return None if text is None else _OUTCOMES.validate_json(text)


@flow(name="ingest-batch", flow_run_name="batch-{number}-of-{run}", task_runner=task_runner())
def ingest_batch(run: str, number: int) -> State[Any]:
    """Take one batch of a long source list through all stages; the ingest run publishes.

    Args:
        run: The name of the ingest run that cut the batch.
        number: Which of its batches, from 1.
    """
    workspace = Workspace.of(settings())
    try:
        batch = _read_batch(run, number, workspace)
    except InputError as error:
        return Failed(name="BadInput", message=str(error))
    chains = run_chains(batch.sources, batch.recipe, settings().sources_in_flight)
    outcomes = in_order(batch.sources, chains)
    leave_sources(outcomes, batch.recipe, workspace)
    path = f"{batch_folder(run, number)}/{flow_run_id()}.json"
    workspace.write(path, _OUTCOMES.dump_json(outcomes, indent=1))
    workspace.trim(round(settings().copy_gb * 1e9))
    failed = [outcome.source.source_id for outcome in outcomes if outcome.error is not None]
    if failed:
        said = f"{len(failed)} of {len(outcomes)} sources failed: {', '.join(failed)}."
        return Failed(name="PartialFailure", message=said)
    return Completed(message=f"{len(outcomes)} sources came through.")


def _read_batch(run: str, number: int, workspace: Workspace) -> Batch:
    text = workspace.read(f"{batch_folder(run, number)}/batch.json")
    if text is None:
        raise InputError(
            f"There is no batch {number} of a run {run!r} in {workspace.place}. Batches are "
            "started by ingest runs; does this worker have the same MATTEFLOW_WORKSPACE as the "
            "one that runs `ingest`?"
        )
    try:
        return Batch.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"Batch {number} of run {run} was written by another version of the program; start "
            "the ingest again."
        ) from error
