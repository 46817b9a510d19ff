"""Ctrl-C: a run that a person started in a terminal stops within seconds.

Python's own way, an exception in the main thread, waits for every task that runs: minutes of
matting. Whatever is written here is written whole or not at all, so the process can end at once,
as it may by a power cut.
"""

import functools
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

_CANCEL_S = 3.0  # for telling Prefect; it may be the server that does not answer
_SHELL_BASE = 128  # the convention of shells: 128 + the signal's number
_SIGNALS = (signal.SIGINT, signal.SIGHUP)  # Ctrl-C, and a terminal that is closed


@contextmanager
def stop_at_once(announce: Callable[[], None]) -> Iterator[None]:
    """While the block runs flows, end the process at Ctrl-C with exit code 130.

    `announce` tells the person so. Before the end, the flow runs and their unfinished tasks become
    Cancelled; nobody waits longer than 3 s for that. A second Ctrl-C does not wait at all.
    """
    _keep_server_apart()

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, lambda number, _: os._exit(_SHELL_BASE + number))
        try:
            announce()
            # In a thread: this handler may have interrupted Prefect's client, which holds locks.
            flow_run = _current_flow_run()
            cancelling = Thread(target=_cancel, args=(flow_run,), daemon=True)
            cancelling.start()
            cancelling.join(_CANCEL_S)
            _end_embedded_servers()
        finally:  # whatever fails, such as a terminal that is gone
            os._exit(_SHELL_BASE + number)

    before = {each: signal.signal(each, stop) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class _InOwnSession(ModuleType):
    """The module `subprocess`, except that programs start in sessions of their own."""

    Popen = functools.partial(subprocess.Popen, start_new_session=True)

    def __getattr__(self, name: str) -> object:
        return getattr(subprocess, name)


def _keep_server_apart() -> None:
    """Have Prefect start its embedded server in a session of its own.

    A terminal sends Ctrl-C to all processes of its foreground group. The server would end before
    the run is cancelled, and the client would then wait for it. Prefect has no option for this.
    """
    from prefect.server.api import server

    server.subprocess = _InOwnSession("subprocess")  # type: ignore[attr-defined]  # not exported


def _end_embedded_servers() -> None:
    """End what Prefect would end by `atexit`, which `os._exit` skips."""
    from prefect.server.api.server import SubprocessASGIServer

    for server in SubprocessASGIServer._instances.values():
        if server.server_process is not None:
            server.server_process.terminate()


def _current_flow_run() -> UUID | None:
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    return context.flow_run.id if context and context.flow_run else None


def _cancel(flow_run: UUID | None) -> None:
    """Cancel a flow run, those that it is part of, and their unfinished tasks."""
    from prefect.client.orchestration import get_client

    # Whatever the reason: the process ends anyway, and Prefect's watch then finds the run crashed.
    with suppress(Exception), get_client(sync_client=True) as client:
        while flow_run is not None:
            flow_run = _cancel_one(client, flow_run)


def _cancel_one(client: "SyncPrefectClient", flow_run: UUID) -> UUID | None:
    """Cancel one flow run; return the one that it is part of."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import State, StateType
    from prefect.states import Cancelled

    unfinished = filters.TaskRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
    tasks = client.read_task_runs(
        flow_run_filter=filters.FlowRunFilter(id=filters.FlowRunFilterId(any_=[flow_run])),
        task_run_filter=filters.TaskRunFilter(state=filters.TaskRunFilterState(type=unfinished)),
    )
    cancelled: State[Any] = Cancelled(message="Somebody pressed Ctrl-C. Finished work is kept.")
    client.set_flow_run_state(flow_run, cancelled, force=True)
    for task in tasks:
        client.set_task_run_state(task.id, cancelled, force=True)
    parent = client.read_flow_run(flow_run).parent_task_run_id
    return client.read_task_run(parent).flow_run_id if parent else None
