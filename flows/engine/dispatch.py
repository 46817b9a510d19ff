"""Dispatch of batches to workers; batches that no worker takes run in this process."""

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, WorkerStatus
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling

from flows.engine.batches import Batch, read_outcomes
from flows.engine.prefect_artifacts import flow_run_id, is_deployed
from tasks.common.records import SourceOutcome
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace

DEPLOYMENT = "ingest-batch/ingest-batch"
# A batch takes minutes or hours. Each poll reads every submitted flow run, at most one per worker.
_POLL_S = 2.0

BatchFlow = Flow[[str, int], State[Any]]
"""The flow of one batch; its parameters are the name of the ingest run and the batch number."""


class FinishedBatch(NamedTuple):
    """The outcomes of a batch, and the id of the flow run that produced them."""

    batch: Batch
    outcomes: tuple[SourceOutcome, ...]
    flow_run: str


def run_batches(
    batches: list[Batch], flow: BatchFlow, workspace: Workspace
) -> Iterator[FinishedBatch]:
    """Yield each batch when its flow run has ended.

    If a worker started this run, batches go to the next free worker. A batch that no worker takes
    within `MATTEFLOW_BATCH_PATIENCE_S` runs in this process: a single worker with a single slot is
    occupied by this run, and would otherwise never take a batch. Without workers all batches run in
    this process, one after the other.
    """
    with get_client(sync_client=True) as client:
        # Without a deployment nothing would ever take a submitted run, and the run would wait for
        # the whole patience with each batch.
        if is_deployed() and _deployment_exists(client):
            yield from _Dispatcher(client, flow, workspace).run(batches)
        else:
            for batch in batches:
                yield _run_locally(batch, flow, workspace)


def _deployment_exists(client: SyncPrefectClient) -> bool:
    try:
        client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        return False
    return True


def _run_locally(batch: Batch, flow: BatchFlow, workspace: Workspace) -> FinishedBatch:
    state = flow(batch.run_id, batch.number, return_state=True)
    return _finished(batch, str(state.state_details.flow_run_id), state, workspace)


def _finished(
    batch: Batch, flow_run: str, state: State[Any] | None, workspace: Workspace
) -> FinishedBatch:
    """Return the outcomes that the flow run wrote; if it wrote none, all its sources failed.

    `state` is None if the server no longer knows the flow run's state.
    """
    outcomes = read_outcomes(batch, flow_run, workspace)
    if outcomes is None:
        name = state.name if state else "lost"
        message = (state.message if state else "") or "it wrote no outcomes"
        cause = f"The flow run of batch {batch.number} ended as {name}: {message} Retry this run."
        outcomes = tuple(SourceOutcome(source=source, error=cause) for source in batch.sources)
    return FinishedBatch(batch, outcomes, flow_run)


class _Dispatcher:
    """Submits batches as flow runs and follows them to their end.

    Only one submitted batch waits for a worker at any time. A Prefect worker takes every waiting
    run when it polls (seen with 3.8.8), so a second one would go to the same worker while others
    are idle. At most as many batches are submitted or running as there are workers.
    """

    def __init__(self, client: SyncPrefectClient, flow: BatchFlow, workspace: Workspace):
        self._client = client
        self._flow = flow
        self._workspace = workspace
        self._submitted: dict[UUID, Batch] = {}
        self._submitted_at_s = 0.0
        # Counted once, at the start: workers that join later are used by the next run.
        self._limit = settings().batches_at_once or self._n_workers()

    def run(self, batches: list[Batch]) -> Iterator[FinishedBatch]:
        """Submit all batches and yield each one when it has ended.

        If the caller stops early or an error occurs, the batches that still run are cancelled.
        """
        queue = deque(batches)
        try:
            while queue or self._submitted:
                states = {run: self._client.read_flow_run(run).state for run in self._submitted}
                # Finished ones first, so that a slot is free before the next batch is submitted.
                yield from self._pop_finished(states)
                waiting = [run for run, state in states.items() if state and state.is_scheduled()]
                if waiting and self._patience_is_over():
                    yield _run_locally(self._take_back(waiting[0]), self._flow, self._workspace)
                elif queue and not waiting and len(self._submitted) < self._limit:
                    self._submit(queue.popleft())
                else:
                    time.sleep(_POLL_S)
        finally:
            # Otherwise workers would go on for hours with batches whose results are not used.
            for flow_run in self._submitted:
                self._cancel(flow_run)

    def _n_workers(self) -> int:
        """Return how many workers of this run's pool are online, at least 1."""
        pool = self._client.read_flow_run(UUID(flow_run_id())).work_pool_name
        workers = self._client.read_workers_for_work_pool(pool) if pool else []
        # At least 1: a worker's heartbeat may be late, and this run itself came from one.
        return max(1, sum(worker.status == WorkerStatus.ONLINE for worker in workers))

    def _submit(self, batch: Batch) -> None:
        parameters = {"run": batch.run_id, "number": batch.number}
        # With timeout=0 it returns at once instead of waiting for the flow run's end.
        flow_run = run_deployment(DEPLOYMENT, parameters=parameters, timeout=0)
        assert isinstance(flow_run, FlowRun)  # a coroutine only inside an event loop
        self._submitted[flow_run.id] = batch
        self._submitted_at_s = time.monotonic()

    def _pop_finished(self, states: dict[UUID, State[Any] | None]) -> Iterator[FinishedBatch]:
        for flow_run, state in states.items():
            if state is not None and state.is_final():
                batch = self._submitted.pop(flow_run)
                yield _finished(batch, str(flow_run), state, self._workspace)

    def _patience_is_over(self) -> bool:
        return time.monotonic() - self._submitted_at_s >= settings().batch_patience_s

    def _take_back(self, flow_run: UUID) -> Batch:
        """Cancel a waiting flow run and return its batch.

        A worker may take the run in this very moment. Both then process the batch, which costs time
        but does no harm: artifacts are named by content, outcomes by their flow run.
        """
        message = "No worker took this batch, so the ingest run processes it itself."
        self._client.set_flow_run_state(flow_run, Cancelled(message=message))
        return self._submitted.pop(flow_run)

    def _cancel(self, flow_run: UUID) -> None:
        state = self._client.read_flow_run(flow_run).state
        if state is not None and not state.is_final():
            # A worker stops the process of a run that is cancelling; a waiting run has none.
            state = Cancelling() if state.is_running() else Cancelled()
            self._client.set_flow_run_state(flow_run, state)
