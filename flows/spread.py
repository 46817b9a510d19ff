"""Handing batches to workers, and doing here what nobody takes."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling

from flows.batches import Batch, ingest_batch, read_outcomes
from flows.pages import is_deployed
from tasks.common.artifacts import Workspace
from tasks.common.records import SourceOutcome
from tasks.common.settings import settings

DEPLOYMENT = "ingest-batch/ingest-batch"
_POLL_S = 2.0


class Done(NamedTuple):
    """What became of a batch, and in which flow run."""

    batch: Batch
    outcomes: tuple[SourceOutcome, ...]
    flow_run: str


def run_batches(batches: list[Batch], workspace: Workspace) -> Iterator[Done]:
    """Yield each batch when it is done.

    In a run that a worker started, every batch goes to whichever worker is free; what none takes
    within `MATTEFLOW_BATCH_PATIENCE_S` is done here, so that one worker with one slot is enough.
    Without workers all are done here.
    """
    with get_client(sync_client=True) as client:
        if is_deployed() and _is_there(client):
            yield from _Spread(client, workspace).run(batches)
        else:
            for batch in batches:
                yield _do_here(batch, workspace)


def _is_there(client: SyncPrefectClient) -> bool:
    try:
        client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        return False
    return True


def _do_here(batch: Batch, workspace: Workspace) -> Done:
    state = ingest_batch(batch.run_id, batch.number, return_state=True)
    return _done(batch, str(state.state_details.flow_run_id), state, workspace)


def _done(batch: Batch, flow_run: str, state: State[Any] | None, workspace: Workspace) -> Done:
    outcomes = read_outcomes(batch, flow_run, workspace)
    if outcomes is None:
        name = state.name if state else "lost"
        said = (state.message if state else "") or "it left no result"
        cause = f"The flow run of batch {batch.number} ended as {name}: {said} Retry this run."
        outcomes = tuple(SourceOutcome(source=source, error=cause) for source in batch.sources)
    return Done(batch, outcomes, flow_run)


class _Spread:
    """Flow runs of batches that were handed out, until each is done."""

    def __init__(self, client: SyncPrefectClient, workspace: Workspace):
        self._client = client
        self._workspace = workspace
        self._waiting: dict[UUID, Batch] = {}
        self._n_left = 0
        self._last_start_s = time.monotonic()

    def run(self, batches: list[Batch]) -> Iterator[Done]:
        """Hand all batches out and yield them as they end; take back what is left if we end."""
        try:
            for batch in batches:
                asked = {"run": batch.run_id, "number": batch.number}
                handed: Any = run_deployment(DEPLOYMENT, parameters=asked, timeout=0)
                self._waiting[handed.id] = batch
            self._n_left = len(batches)
            while self._waiting:
                yield from self._ended()
                if self._waiting and (taken := self._take_back_one()):
                    yield _do_here(taken, self._workspace)
                elif self._waiting:
                    time.sleep(_POLL_S)
        finally:
            for flow_run in self._waiting:
                self._cancel(flow_run)

    def _ended(self) -> Iterator[Done]:
        for flow_run in list(self._waiting):
            state = self._client.read_flow_run(flow_run).state
            if state is not None and state.is_final():
                batch = self._waiting.pop(flow_run)
                yield _done(batch, str(flow_run), state, self._workspace)

    def _take_back_one(self) -> Batch | None:
        """Return a batch that no worker has taken for a while, after withdrawing its flow run."""
        runs = {flow_run: self._client.read_flow_run(flow_run) for flow_run in self._waiting}
        left = [
            flow_run for flow_run, run in runs.items() if run.state and run.state.is_scheduled()
        ]
        if len(left) < self._n_left:
            self._n_left, self._last_start_s = len(left), time.monotonic()
        waited_s = time.monotonic() - self._last_start_s
        if not left or waited_s < settings().batch_patience_s:
            return None
        chosen = left[-1]  # workers begin with the first
        self._client.set_flow_run_state(chosen, Cancelled(message="Done by the ingest run itself."))
        return self._waiting.pop(chosen)

    def _cancel(self, flow_run: UUID) -> None:
        run = self._client.read_flow_run(flow_run)
        if run.state is not None and not run.state.is_final():
            is_running = run.state.is_running()
            self._client.set_flow_run_state(flow_run, Cancelling() if is_running else Cancelled())
