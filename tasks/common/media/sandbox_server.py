"""The process that forks the children of `sandbox`, and watches each until it ends.

For every order it forks a watcher, which forks the child that works. The server itself never
works: it only imports the code it is asked for, so that children have it ready.
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
from pathlib import Path
from typing import Any, TypedDict

from tasks.common.errors import MatteflowError

_ORDER_BYTES = 4096
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_CPU_GRACE_S = 5
_LONGEST_MS = (1 << 31) - 1  # what poll takes: 24 days


class Order(TypedDict):
    """What `sandbox` asks for, as JSON: a function as `module:name`, and its limits."""

    function: str
    wall_s: float
    cpu_s: float
    memory_bytes: int


def serve(control: socket.socket) -> None:
    """Fork a watcher for each order until nobody can send any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # watchers leave nothing to wait for
    while True:
        data, handles, *_ = socket.recv_fds(control, _ORDER_BYTES, 1)
        if not data:
            return
        order: Order = json.loads(data)
        with socket.socket(fileno=handles[0]) as job:
            _load(order["function"])
            if os.fork() == 0:
                control.close()
                _watch(job, order)
                os._exit(0)


def _load(name: str) -> Any:
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except Exception as error:
        return error


def _watch(job: socket.socket, order: Order) -> None:
    """Fork the worker; kill it when its time is up or nobody listens any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    watcher = os.getpid()
    worker = os.fork()
    if worker == 0:
        _die_with(watcher)
        os._exit(_work(job, order))
    handle = os.pidfd_open(worker)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(job, select.POLLRDHUP)
    ready = poll.poll(min(order["wall_s"] * 1000, _LONGEST_MS))
    if not any(ready_handle == handle for ready_handle, _ in ready):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    _, status, _ = os.wait4(worker, 0)
    # On a line of its own: the worker may have been killed in the middle of one.
    job.sendall(b"\n")
    _say(job, "ended", {"status": status, "timed_out": not ready})


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it went before we asked
        os._exit(1)


def _work(job: socket.socket, order: Order) -> int:
    """Do the work and say what came of it; return the exit code."""
    try:
        with job.makefile("r", encoding="utf-8") as stream:
            argument = json.loads(stream.readline())
        function = _load(order["function"])
        if isinstance(function, Exception):
            raise function
        _limit(order)
        result = function(argument)
        if isinstance(result, Iterator):
            for item in result:
                _say(job, "yielded", item)
            result = None
        _say(job, "returned", result)
    except MemoryError:
        _say(job, "memory", None)
    except Exception as error:
        text = str(error)
        told = "" if isinstance(error, MatteflowError) else traceback.format_exc()
        _say(job, "raised", {"name": type(error).__name__, "text": text, "traceback": told})
    return 0


def _limit(order: Order) -> None:
    """Let the kernel hold the limits; what is mapped already (libraries) does not count."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + int(order["memory_bytes"])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime + order["cpu_s"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + _CPU_GRACE_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _say(job: socket.socket, kind: str, value: Any) -> None:
    try:
        job.sendall(json.dumps([kind, value]).encode() + b"\n")
    except ConnectionError:
        os._exit(1)  # nobody listens


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        serve(orders)
