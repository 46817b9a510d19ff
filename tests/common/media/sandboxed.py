"""What the tests of the sandbox have done in a child process."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tasks.common.errors import SourceError


def double(value: Any) -> Any:
    return value * 2


def surroundings(_: Any) -> dict[str, Any]:
    return {"pid": os.getpid(), "environment": sorted(os.environ)}


def refuse(text: str) -> None:
    raise SourceError(text)


def stumble(_: Any) -> None:
    raise KeyError("no such key")


def crash(_: Any) -> None:
    ctypes.string_at(0)


def leave(code: int) -> None:
    os._exit(code)


def hang(path: str | None) -> None:
    """Hang as a decoder in C does: it gives up neither the GIL nor to a signal."""
    if path:
        Path(path).write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(600)


def spin(_: Any) -> None:
    while True:
        pass


def hoard(n_bytes: int) -> int:
    return len(bytearray(n_bytes))


def count(n: int) -> Iterator[int]:
    yield from range(n)


def count_and_crash(n: int) -> Iterator[int]:
    yield from range(n)
    crash(None)


def count_for_ever(path: str) -> Iterator[int]:
    Path(path).write_text(str(os.getpid()))
    number = 0
    while True:
        yield number
        number += 1


def half_a_word(_: Any) -> Iterator[str]:
    """Say more than the socket holds, so that it is killed in the middle of a line."""
    yield "whole"
    yield "x" * 50_000_000
    time.sleep(600)


def attack(order: tuple[str, Any]) -> str:
    """Do what a decoder does that was taken over; say what came of it."""
    name, aim = order
    try:
        return f"done: {_ATTACKS[name](aim)!r}"
    except (OSError, ValueError) as error:
        return f"refused: {error}"


def _system_call(number: int, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _read_memory(pid: int) -> bytes:
    """By the calls of a debugger: process_vm_readv of x86-64, and ptrace."""
    _system_call(310, ctypes.c_long(pid), None, 0, None, 0, 0)
    return b"read"


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 5).close()


def _connect_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def _leave_daemon(path: str) -> None:
    if os.fork() == 0:
        os.setsid()
        for _ in range(200):
            Path(path).write_text(str(time.time()))
            time.sleep(0.01)
        os._exit(0)


def _fill_disk(folder: str) -> None:
    with Path(folder, "large").open("wb") as file:
        for _ in range(20):
            file.write(bytes(1 << 20))
            file.flush()


def _empty(path: str) -> None:
    """Open for reading, and truncate at once: allowed by Landlock before Linux 6.2."""
    os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))


def _hold_memory(n_bytes: int) -> None:
    file = os.memfd_create("held")
    os.truncate(file, n_bytes)
    os.pwrite(file, b"x", n_bytes - 1)


def _raise_limits(_: Any) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


_ATTACKS: dict[str, Callable[[Any], Any]] = {
    "read a file": lambda path: Path(path).read_text(),
    "read the environment": lambda pid: Path(f"/proc/{pid}/environ").read_bytes(),
    "read the memory": lambda pid: Path(f"/proc/{pid}/mem").open("rb").close(),
    "read as a debugger": _read_memory,
    "list a folder": lambda path: os.listdir(path),  # noqa: PTH208
    "write a file": lambda path: Path(path).write_text("owned"),
    "write a library": lambda name: Path(sysconfig.get_paths()["purelib"], name).write_text(
        "import os"
    ),
    "connect": _connect,
    "connect to a Unix socket": _connect_unix,
    "start a program": lambda _: subprocess.run(["/bin/true"], check=True),
    "leave a daemon": _leave_daemon,
    "signal": lambda pid: os.kill(pid, signal.SIGUSR1),
    "link": lambda paths: Path(paths[1]).symlink_to(paths[0]),
    "link hard": lambda paths: os.link(*paths),
    "make a pipe": lambda path: os.mkfifo(path),
    "change a mode": lambda path: Path(path).chmod(0o777),
    "change a time": lambda path: os.utime(path, (0, 0)),
    "empty a file": _empty,
    "remove a file": lambda path: Path(path).unlink(),
    "fill the disk": _fill_disk,
    "hold memory": _hold_memory,
    "raise limits": _raise_limits,
}
ATTACKS = tuple(_ATTACKS)


def ordinary_work(folder: str) -> list[int]:
    """Do what decoders may do: threads, time, files in the folder, processors, randomness."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        squares = list(pool.map(lambda n: n * n, range(20)))
    Path(folder, "0.jpg").write_bytes(os.urandom(8))
    Path(folder, "0.jpg").write_bytes(os.urandom(4))  # again: it is emptied first
    time.sleep(0.001)
    return [len(Path(folder, "0.jpg").read_bytes()), os.cpu_count() or 0, *squares]
