"""Running a function on untrusted data in a process of its own, with hard limits.

A poisoned video can crash, hang or bloat a decoder written in C, and no `except` helps. So the
work is done by a child process that the kernel limits in memory and CPU time and that is killed
when its time is up. It dies with the process that asked. What passes is JSON, a line a message.

Children are forked by a small server (`sandbox_server`) that has the libraries loaded already, so
that a child costs about ten milliseconds instead of a second. It is started at the first need.
This is no jail against code that breaks out of a decoder: the child runs as the same user, but
without the environment, and so without its secrets.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from threading import Lock
from typing import Any, Literal, NamedTuple

from tasks.common import errors
from tasks.common.errors import MatteflowError

_GRACE_S = 30.0
_MEGABYTE = 1 << 20
# What a child may know of our environment: where programs and libraries are, and the language.
_PASSED_ON = (
    *("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "TZ"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)


class Limits(NamedTuple):
    """What a child may use: seconds on the clock, seconds of CPU, bytes beyond what it began with.

    `wall_s` runs on while the caller is busy with what the child has given so far.
    """

    wall_s: float
    cpu_s: float
    memory_bytes: int


class SandboxError(MatteflowError):
    """The child ended otherwise than by returning: over a limit, or crashed."""

    def __init__(self, cause: Literal["time", "memory", "crash"], sentence: str):
        super().__init__(sentence)
        self.cause = cause


def run_isolated(function: Callable[[Any], Any], argument: Any, limits: Limits) -> Any:
    """Return what `function(argument)` returns, computed in a child process.

    The function must be importable by its name; argument and result are JSON values.

    Raises:
        SandboxError: the child went over a limit or crashed.
        MatteflowError: as raised by the function, which crosses with its class and text.
        RuntimeError: the function raised something else; the text holds its traceback.
    """
    result = None
    for kind, value in _messages(function, argument, limits):
        if kind == "returned":
            result = value
    return result


def stream_isolated(
    function: Callable[[Any], Iterator[Any]], argument: Any, limits: Limits
) -> Generator[Any, None, None]:
    """Yield what the generator `function(argument)` yields, computed in a child process.

    Closing this generator early kills the child. Errors are those of `run_isolated`.
    """
    with closing(_messages(function, argument, limits)) as messages:
        yield from (value for kind, value in messages if kind == "yielded")


def _messages(
    function: Callable[[Any], Any], argument: Any, limits: Limits
) -> Generator[tuple[str, Any], None, None]:
    order = {"function": f"{function.__module__}:{function.__qualname__}", **limits._asdict()}
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            _server.send(json.dumps(order).encode(), theirs)
        ours.settimeout(limits.wall_s + _GRACE_S)  # the server's watch ends the child before
        with suppress(ConnectionError):  # it is gone already; what it was is told below
            ours.sendall(json.dumps(argument).encode() + b"\n")
        with ours.makefile("r", encoding="utf-8") as stream:
            yield from _until_ended(stream, limits)


def _until_ended(stream: Any, limits: Limits) -> Iterator[tuple[str, Any]]:
    failure: Exception | None = None
    try:
        for kind, value in filter(None, map(_parsed, stream)):
            if kind == "raised":
                failure = _as_error(**value)
            elif kind == "memory":
                failure = SandboxError("memory", _too_much(limits))
            elif kind == "ended":
                _require_good_end(failure, limits, **value)
                return
            else:
                yield kind, value
    except (TimeoutError, ConnectionError) as error:
        raise SandboxError("crash", f"The process apart was lost: {error}.") from error
    raise failure or SandboxError("crash", "The process apart ended without a word.")


def _parsed(line: str) -> tuple[str, Any] | None:
    """Read a message; None for what a child left half-said when it was killed."""
    try:
        kind, value = json.loads(line)
    except ValueError:
        return None
    return kind, value


def _as_error(name: str, text: str, traceback: str) -> Exception:
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, MatteflowError):
        return kind(text)
    return RuntimeError(f"{name}: {text}\n{traceback}")


def _require_good_end(
    failure: Exception | None, limits: Limits, status: int, timed_out: bool
) -> None:
    code = os.waitstatus_to_exitcode(status)
    if timed_out:
        raise SandboxError("time", f"It was not done after {limits.wall_s:,.0f} s.")
    if code == -signal.SIGXCPU:
        raise SandboxError("time", f"It used more than {limits.cpu_s:,.0f} s of CPU.")
    if failure is not None:
        raise failure
    if code < 0:
        name = signal.Signals(-code).name
        raise SandboxError("crash", f"The process was ended by {name}.")
    if code > 0:
        raise SandboxError("crash", f"The process ended with the code {code}.")


def _too_much(limits: Limits) -> str:
    return f"It asked for more than {limits.memory_bytes / _MEGABYTE:,.0f} MB of memory."


class _Server:
    """The server of this process; started at need, and anew where it was lost or we are a fork."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def send(self, order: bytes, job: socket.socket) -> None:
        with self._lock:
            for attempt in range(2):
                control = self._control or self._start()
                try:
                    socket.send_fds(control, [order], [job.fileno()])
                    return
                except OSError:
                    self.stop()
                    if attempt:
                        raise

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # Threads of a linear algebra library that nobody uses would cost memory, and forking them
        # is asking for trouble; few arenas keep the address space, which is limited, small.
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        environment |= {
            "MALLOC_ARENA_MAX": "2",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tasks.common.media.sandbox_server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is ours to answer
            )
        self._control = ours
        return ours

    def stop(self) -> None:
        """Let the server end, which it does when nobody can send to it any more."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None

    def forget(self) -> None:
        """In a fork: the server is the parent's."""
        self._lock = Lock()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.returncode = 0  # not ours to wait for
        self._control = self._process = None


_server = _Server()
atexit.register(_server.stop)
os.register_at_fork(after_in_child=_server.forget)
