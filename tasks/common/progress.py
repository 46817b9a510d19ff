"""Telling a person how far long work has come, without knowing who listens."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Listener(Protocol):
    """Receives progress from any thread."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """Take note that `done` more of `total` items of a stage are through."""


class _Silence:
    def advance(self, stage: str, done: int, total: int) -> None:
        """Ignore it: nobody watches a scheduled run."""


_listener: Listener = _Silence()


def listen(listener: Listener) -> None:
    """Send all progress of this process to `listener`."""
    global _listener
    _listener = listener


def track(items: Iterable[T], stage: str, total: int) -> Iterator[T]:
    """Yield the items, announcing the total first and each item when it is done."""
    _listener.advance(stage, 0, total)
    for item in items:
        yield item
        _listener.advance(stage, 1, 0)
