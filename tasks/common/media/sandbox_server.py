"""The server of `sandbox`: it forks a worker per job and has each watched until it ends.

For every order the server forks a watcher, which forks the worker. The server itself only imports
the modules of the functions, so that workers inherit them loaded. It has one thread, which makes
forking safe. Two forks, because waiting with a time limit must not block the next order.
"""

import ctypes
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

from tasks.common.errors import MatteflowError
from tasks.common.media.jail import Reach, enter_jail, prepare_jail

_ORDER_BYTES = 4096  # an order is the name of a function and three numbers
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of linux/prctl.h
# SIGXCPU at the soft limit shows the cause; SIGKILL follows for code that ignores it.
_CPU_GRACE_S = 5
_MAX_POLL_MS = (1 << 31) - 1  # poll takes a C int: 24 days


class Order(TypedDict):
    """What `sandbox` asks for, as JSON: a function as `module:name`, and its limits."""

    function: str
    wall_s: float
    cpu_s: float
    memory_bytes: int


def serve(control: socket.socket) -> None:
    """Fork a watcher for each order, until the client closes its end of `control`."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps watchers: no zombies
    while True:
        data, handles, *_ = socket.recv_fds(control, _ORDER_BYTES, 1)
        if not data:
            return
        order: Order = json.loads(data)
        with socket.socket(fileno=handles[0]) as job:
            _load(order["function"])
            prepare_jail(_packages(order))
            if os.fork() == 0:
                control.close()  # else a client could not tell a dead server while watchers live
                _watch(job, order)
                os._exit(0)


def _load(name: str) -> Any:
    """Return the function `module:name`, or the exception that importing it raised.

    The server must survive a failing import; the worker raises the exception and reports it.
    """
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except Exception as error:
        return error


def _watch(job: socket.socket, order: Order) -> None:
    """Fork the worker, kill it when its time is up or the caller hangs up, send its exit status."""
    signal.signal(
        signal.SIGCHLD, signal.SIG_DFL
    )  # while it is ignored, no status can be waited for
    watcher = os.getpid()
    worker = os.fork()
    if worker == 0:
        os.setsid()  # before anything else: the session is ended as a group
        _die_with(watcher)
        os._exit(_work(job, order))
    # A pidfd becomes readable when the process ends, so a single poll waits for that, for the time
    # limit, and for the caller to close the socket.
    handle = os.pidfd_open(worker)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(job, select.POLLRDHUP)
    ready = poll.poll(min(order["wall_s"] * 1000, _MAX_POLL_MS))
    if not any(ready_handle == handle for ready_handle, _ in ready):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    _, status, _ = os.wait4(worker, 0)
    # Where the kernel has no seccomp, the worker may have started processes.
    with suppress(ProcessLookupError):
        os.killpg(worker, signal.SIGKILL)
    # On a new line: the worker may have been killed in the middle of a message.
    job.sendall(b"\n")
    _send(job, "ended", {"status": status, "timed_out": not ready})


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call above, so no signal will come
        os._exit(1)


def _work(job: socket.socket, order: Order) -> int:
    """Call the function and send what it yields, returns or raises; return the exit code."""
    try:
        with job.makefile("r", encoding="utf-8") as stream:
            argument, reach = json.loads(stream.readline())
        function = _load(order["function"])
        if isinstance(function, Exception):
            raise function
        _confine(order, Reach(**reach))
        result = function(argument)
        if isinstance(result, Iterator):
            for item in result:
                _send(job, "yielded", item)
            result = None
        _send(job, "returned", result)
    except MemoryError:
        _send(job, "memory", None)
    except Exception as error:
        text = str(error)
        trace = "" if isinstance(error, MatteflowError) else traceback.format_exc()
        _send(job, "raised", {"name": type(error).__name__, "text": text, "traceback": trace})
    return 0


def _confine(order: Order, reach: Reach) -> None:
    """Set the kernel's limits for this process, beyond what it has used so far, and jail it.

    The libraries that the server loaded are mapped already; they must not count against a file.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + int(order["memory_bytes"])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime + order["cpu_s"]) + 1  # whole seconds, rounded up
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + _CPU_GRACE_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold private pictures
    resource.setrlimit(resource.RLIMIT_FSIZE, (reach.file_bytes, reach.file_bytes))
    enter_jail(reach, _packages(order))


def _packages(order: Order) -> tuple[str, ...]:
    """Return the package of the function, and ours, parts of which are imported late."""
    return tuple(dict.fromkeys(("tasks", order["function"].partition(".")[0])))


def _send(job: socket.socket, kind: str, value: Any) -> None:
    try:
        job.sendall(json.dumps([kind, value]).encode() + b"\n")
    except ConnectionError:
        os._exit(1)  # the caller has closed its end


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        serve(orders)
