"""What the tests of the sandbox have done in a child process."""

import ctypes
import os
import time
from collections.abc import Iterator
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
