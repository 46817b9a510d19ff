"""Long source lists as batches: the input file of a batch's flow run, and its outcomes."""

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from flows.engine.run_record import run_folder
from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.records import WHOLE_ADDRESSES, Record, Source, SourceOutcome
from tasks.common.workspace.artifacts import Workspace

_OUTCOMES = TypeAdapter(tuple[SourceOutcome, ...])


class Batch(Record):
    """Some sources of a run, with the recipe itself: its file may not exist on the worker."""

    run_id: str
    number: int
    sources: tuple[Source, ...]
    recipe: Recipe


def batch_folder(run_id: str, number: int) -> str:
    """Return the folder of a batch, relative to the workspace."""
    return f"{run_folder(run_id)}/batches/{number:04d}"


def write_batches(
    run_id: str, sources: Sequence[Source], recipe: Recipe, size: int, workspace: Workspace
) -> list[Batch]:
    """Cut a source list into batches of at most `size` sources; write them to the workspace."""
    batches = [
        Batch(
            run_id=run_id,
            number=1 + first // size,
            sources=tuple(sources[first : first + size]),
            recipe=recipe,
        )
        for first in range(0, len(sources), size)
    ]
    # All are written before the first is dispatched: a retried run then finds every input.
    for batch in batches:
        # Elsewhere records redact signed URLs; a worker needs the whole URL to download.
        path = f"{batch_folder(run_id, batch.number)}/batch.json"
        text = batch.model_dump_json(indent=1, context=WHOLE_ADDRESSES)
        workspace.write(path, text.encode())
    return batches


def read_batch(run_id: str, number: int, workspace: Workspace) -> Batch:
    """Read one batch of an ingest run.

    Raises:
        InputError: there is no such batch, or another version of the program wrote it.
    """
    text = workspace.read(f"{batch_folder(run_id, number)}/batch.json")
    if text is None:
        raise InputError(
            f"There is no batch {number} of a run {run_id!r} in {workspace.location}. Only ingest "
            "runs start batches. Give this worker the MATTEFLOW_WORKSPACE of the worker that runs "
            "`ingest`."
        )
    # A worker may run another release than the ingest run: the file is checked, not trusted.
    try:
        return Batch.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"Batch {number} of run {run_id} was written by another version of the program; start "
            "the ingest again."
        ) from error


def write_outcomes(
    batch: Batch, flow_run: str, outcomes: tuple[SourceOutcome, ...], workspace: Workspace
) -> None:
    """Write the outcomes of a batch under the id of its flow run.

    The same batch may run twice, on a worker and in the ingest run: their files do not collide.
    """
    path = f"{batch_folder(batch.run_id, batch.number)}/{flow_run}.json"
    workspace.write(path, _OUTCOMES.dump_json(outcomes, indent=1))


def read_outcomes(
    batch: Batch, flow_run: str, workspace: Workspace
) -> tuple[SourceOutcome, ...] | None:
    """Return the outcomes that a flow run wrote, or None if it ended before it wrote them."""
    text = workspace.read(f"{batch_folder(batch.run_id, batch.number)}/{flow_run}.json")
    return None if text is None else _OUTCOMES.validate_json(text)
