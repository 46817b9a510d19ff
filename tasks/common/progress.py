"""Report the progress of long work to whatever displays it."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Listener(Protocol):
    """Receives progress from any thread."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """Report that `done` more items of a stage are finished; `total` more are expected."""


class _NoListener:
    def advance(self, stage: str, done: int, total: int) -> None:
        """Do nothing, as in a scheduled run."""


# One per process rather than an argument: progress is reported deep inside every stage.
_listener: Listener = _NoListener()


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
