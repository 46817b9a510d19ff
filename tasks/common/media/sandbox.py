"""Run a function on untrusted data in an isolated worker process, with hard limits.

Malformed media can crash, hang or bloat a decoder written in C, and no `except` helps. So the work
is done by a worker process. The kernel limits its memory and CPU time, it is killed when its time
is up, and it ends with the caller. Messages are JSON, one per line.

Workers are forked by a small server (`sandbox_server`) that has the libraries loaded already: a
worker costs about ten milliseconds instead of a second. The server starts with the first job.
A worker gets no environment, hence no secrets, and is jailed (`jail`): a decoder that malformed
media take over reads the one file, writes new files into one folder, and reaches nothing else.
What it sends is checked like the media themselves (docs/decisions/0010).
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
from typing import Any, BinaryIO, Literal, NamedTuple

from tasks.common import errors
from tasks.common.errors import InputError, MatteflowError
from tasks.common.media.jail import Reach, missing_walls
from tasks.common.settings import settings

_GRACE_S = 30.0  # for a kill to take effect and for the last message to arrive
_MEGABYTE = 1 << 20
# The longest message: the mask of a picture with 500 million pixels, as bits in hex.
_MESSAGE_BYTES = 128 * _MEGABYTE
_NOTHING = Reach()
# The environment variables that workers get: paths of programs and libraries, and the language.
_PASSED_VARIABLES = (
    *("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "TZ"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)


class Limits(NamedTuple):
    """Limits of a worker: seconds on the clock, seconds of CPU, bytes beyond those at its start.

    `wall_s` also counts the time in which the caller handles what the worker has yielded so far.
    """

    wall_s: float
    cpu_s: float
    memory_bytes: int


class SandboxError(MatteflowError):
    """The worker exceeded a limit or crashed; `cause` says which."""

    def __init__(self, cause: Literal["time", "memory", "crash"], sentence: str):
        super().__init__(sentence)
        self.cause = cause


def require_jail() -> str | None:
    """Say what the jail of decoders lacks on this machine; None: nothing.

    Raises:
        InputError: something is missing, and the settings require the jail.
    """
    missing = missing_walls()
    if not missing:
        return None
    sentence = (
        f"Decoders run without a whole jail: this kernel lacks {' and '.join(missing)}. A media "
        "file that takes a decoder over could do whatever this user may."
    )
    if settings().decoder_jail == "required":
        raise InputError(
            f"{sentence} MATTEFLOW_DECODER_JAIL=required forbids that: use a newer kernel, allow "
            "these system calls in the container, or set it to available."
        )
    return sentence


def run_isolated(
    function: Callable[[Any], Any], argument: Any, limits: Limits, reach: Reach = _NOTHING
) -> Any:
    """Return what `function(argument)` returns, computed in a worker process.

    The function must be importable by its name; argument and result are JSON values. It touches
    what `reach` names and nothing else. The result comes from a process that malformed media may
    have taken over: the caller checks it.

    Raises:
        InputError: the settings require a jail that this machine does not have.
        SandboxError: the worker exceeded a limit or crashed.
        MatteflowError: the function raised it; class and text are kept.
        RuntimeError: the function raised another exception; its traceback is a note of it.
    """
    result = None
    for kind, value in _messages(function, argument, limits, reach):
        if kind == "returned":
            result = value
    return result


def stream_isolated(
    function: Callable[[Any], Iterator[Any]],
    argument: Any,
    limits: Limits,
    reach: Reach = _NOTHING,
) -> Generator[Any, None, None]:
    """Yield what the generator `function(argument)` yields, computed in a worker process.

    Closing this generator early kills the worker. Errors are those of `run_isolated`.
    """
    with closing(_messages(function, argument, limits, reach)) as messages:
        yield from (value for kind, value in messages if kind == "yielded")


def _messages(
    function: Callable[[Any], Any], argument: Any, limits: Limits, reach: Reach
) -> Generator[tuple[str, Any], None, None]:
    """Start a worker and yield its messages, such as `("yielded", item)`.

    The argument does not travel with the order, which is one small datagram, but through the
    worker's own socket, which takes any size.
    """
    require_jail()
    order = {"function": f"{function.__module__}:{function.__qualname__}", **limits._asdict()}
    local, remote = socket.socketpair()
    with local:
        with remote:  # closed here once it is sent, so that the stream ends when the worker is gone
            _server.send(json.dumps(order).encode(), remote)
        # A backstop: the watcher kills the worker at `wall_s`, unless it was killed itself.
        local.settimeout(limits.wall_s + _GRACE_S)
        with suppress(ConnectionError):  # the worker is gone; the watcher's message says why
            local.sendall(json.dumps([argument, reach._asdict()]).encode() + b"\n")
        with local.makefile("rb") as stream:
            yield from _read_until_ended(stream, limits)


def _read_until_ended(stream: BinaryIO, limits: Limits) -> Iterator[tuple[str, Any]]:
    """Yield the worker's messages up to the watcher's `ended`, which comes last.

    An error that the worker reports is kept until then: only the exit status shows whether a limit
    caused it. A worker that was taken over may send anything, `ended` as well; it gains nothing.
    """
    failure: Exception | None = None
    try:
        for kind, value in _parsed(stream):
            if kind == "raised":
                failure = _as_error(value)
            elif kind == "memory":
                failure = SandboxError("memory", _memory_sentence(limits))
            elif kind == "ended":
                _require_success(failure, limits, value)
                return
            else:
                yield kind, value
    except (TimeoutError, ConnectionError) as error:
        raise SandboxError(
            "crash", f"The connection to the worker process was lost: {error}."
        ) from error
    raise failure or SandboxError("crash", "The worker process ended without an exit status.")


def _parsed(stream: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Yield the messages; without the incomplete line that a killed worker leaves.

    Raises:
        SandboxError: a message is too long to be one.
    """
    while line := stream.readline(_MESSAGE_BYTES):
        if len(line) == _MESSAGE_BYTES:
            raise SandboxError("crash", "The worker process sent a message of more than 128 MB.")
        try:
            match json.loads(line):
                case [str(kind), value]:
                    yield kind, value
        except (ValueError, RecursionError):
            continue


def _as_error(value: Any) -> Exception:
    """Rebuild an error of our own tree by its class name; any other exception is a bug."""
    fields = value if isinstance(value, dict) else {}
    name, text, traceback = (str(fields.get(key)) for key in ("name", "text", "traceback"))
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, MatteflowError):
        return kind(text)
    error = RuntimeError(f"{name}: {text}")
    error.add_note(traceback)  # for `--verbose` and logs; the text is shown to people
    return error


def _require_success(failure: Exception | None, limits: Limits, value: Any) -> None:
    """Raise unless the worker returned. `value` holds a wait status, as `os.wait4` gives it.

    Exceeded limits come first: they explain an error that the worker reported on its way out.
    """
    try:
        code, timed_out = os.waitstatus_to_exitcode(value["status"]), value["timed_out"]
        name = signal.Signals(-code).name if code < 0 else ""
    except (KeyError, TypeError, ValueError):
        raise SandboxError("crash", "The worker process sent a wrong exit status.") from None
    if timed_out:
        raise SandboxError("time", f"It had not finished after {limits.wall_s:,.0f} s.")
    if code == -signal.SIGXCPU:
        raise SandboxError("time", f"It used more than {limits.cpu_s:,.0f} s of CPU.")
    if failure is not None:
        raise failure
    if code < 0:
        raise SandboxError("crash", f"The worker process was killed by {name}.")
    if code > 0:
        raise SandboxError("crash", f"The worker process exited with code {code}.")


def _memory_sentence(limits: Limits) -> str:
    return f"It needed more than {limits.memory_bytes / _MEGABYTE:,.0f} MB of memory."


class _Server:
    """The fork server of this process: started with the first job, restarted after a loss.

    A forked child of this process starts its own: its copy of the control socket would keep the
    parent's server running.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def send(self, order: bytes, job: socket.socket) -> None:
        with self._lock:
            for attempt in range(2):  # the server may have been killed since the last job
                control = self._control or self._start()
                try:
                    socket.send_fds(control, [order], [job.fileno()])
                    return
                except OSError:
                    self.stop()
                    if attempt:
                        raise

    def _start(self) -> socket.socket:
        # Sequenced packets keep each order together with the socket that travels beside it.
        # `local` stays in this process, `remote` goes to the server.
        local, remote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ}
        # A fork copies only the calling thread, so that locks held by a library's other threads
        # would stay locked. Few malloc arenas keep the address space, which is limited, small.
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        environment |= {
            "MALLOC_ARENA_MAX": "2",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        with remote:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tasks.common.media.sandbox_server", str(remote.fileno())],
                pass_fds=[remote.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C goes to this process only, which stops the server
            )
        self._control = local
        return local

    def stop(self) -> None:
        """Close the control socket, at which the server exits; kill it if it does not."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None

    def detach(self) -> None:
        """After a fork, in the child: leave the parent's server alone."""
        self._lock = Lock()  # the copy may have been taken while another thread held it
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.returncode = 0  # so that Popen does not wait for the parent's child
        self._control = self._process = None


_server = _Server()
atexit.register(_server.stop)
os.register_at_fork(after_in_child=_server.detach)
