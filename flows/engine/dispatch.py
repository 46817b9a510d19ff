"""Handing batches to workers, and doing here what nobody takes."""

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State, WorkerStatus
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling

from flows.engine.batches import Batch, ingest_batch, read_outcomes
from flows.engine.prefect_artifacts import flow_run_id, is_deployed
from tasks.common.records import SourceOutcome
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace

DEPLOYMENT = "ingest-batch/ingest-batch"
_POLL_S = 2.0


class Done(NamedTuple):
    """What became of a batch, and in which flow run."""

    batch: Batch
    outcomes: tuple[SourceOutcome, ...]
    flow_run: str


def run_batches(batches: list[Batch], workspace: Workspace) -> Iterator[Done]:
    """Yield each batch when it is done.

    In a run that a worker started, batches go to whichever worker asks first; what none takes
    within `MATTEFLOW_BATCH_PATIENCE_S` is done here, so that a worker with one slot is enough.
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
    """Batches on their way through other workers.

    One batch at a time waits to be taken, since a worker takes all that wait: so the next one goes
    to the next worker that asks. At most as many are at work as there are workers.
    """

    def __init__(self, client: SyncPrefectClient, workspace: Workspace):
        self._client = client
        self._workspace = workspace
        self._handed: dict[UUID, Batch] = {}
        self._handed_at_s = 0.0
        self._room = settings().batches_at_once or self._n_workers()

    def run(self, batches: list[Batch]) -> Iterator[Done]:
        """Hand the batches out and yield them as they end; withdraw what is left if we end."""
        left = deque(batches)
        try:
            while left or self._handed:
                states = {run: self._client.read_flow_run(run).state for run in self._handed}
                yield from self._ended(states)
                waiting = [run for run, state in states.items() if state and state.is_scheduled()]
                if waiting and self._waited_long():
                    yield _do_here(self._take_back(waiting[0]), self._workspace)
                elif left and not waiting and len(self._handed) < self._room:
                    self._hand_out(left.popleft())
                else:
                    time.sleep(_POLL_S)
        finally:
            for flow_run in self._handed:
                self._cancel(flow_run)

    def _n_workers(self) -> int:
        """Return how many workers of our own pool are there; at least this one."""
        pool = self._client.read_flow_run(UUID(flow_run_id())).work_pool_name
        found = self._client.read_workers_for_work_pool(pool) if pool else []
        return max(1, sum(worker.status == WorkerStatus.ONLINE for worker in found))

    def _hand_out(self, batch: Batch) -> None:
        asked = {"run": batch.run_id, "number": batch.number}
        handed: Any = run_deployment(DEPLOYMENT, parameters=asked, timeout=0)
        self._handed[handed.id] = batch
        self._handed_at_s = time.monotonic()

    def _ended(self, states: dict[UUID, State[Any] | None]) -> Iterator[Done]:
        for flow_run, state in states.items():
            if state is not None and state.is_final():
                batch = self._handed.pop(flow_run)
                yield _done(batch, str(flow_run), state, self._workspace)

    def _waited_long(self) -> bool:
        return time.monotonic() - self._handed_at_s >= settings().batch_patience_s

    def _take_back(self, flow_run: UUID) -> Batch:
        said = "No worker took it, so the ingest run does it itself."
        self._client.set_flow_run_state(flow_run, Cancelled(message=said))
        return self._handed.pop(flow_run)

    def _cancel(self, flow_run: UUID) -> None:
        state = self._client.read_flow_run(flow_run).state
        if state is not None and not state.is_final():
            state = Cancelling() if state.is_running() else Cancelled()
            self._client.set_flow_run_state(flow_run, state)
