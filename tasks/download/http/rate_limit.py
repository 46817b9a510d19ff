"""Good manners towards servers: few requests at once, not too fast, and waiting when told to."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore, Lock

from tasks.common.settings import Settings

_MEGABYTE = 1 << 20


class Gate:
    """What all downloads of this process share: a limit per host and one on bytes a second."""

    def __init__(self, per_host: int, requests_per_s: float, bytes_per_s: float):
        self._places: dict[str, BoundedSemaphore] = defaultdict(lambda: BoundedSemaphore(per_host))
        self._next_at: dict[str, float] = defaultdict(float)
        self._step_s = 1.0 / requests_per_s
        self._bytes_per_s = bytes_per_s
        self._bytes_due_at = 0.0
        self._lock = Lock()

    @contextmanager
    def request(self, host: str) -> Iterator[None]:
        """Hold one of the host's places, after waiting for a turn."""
        with self._lock:
            place = self._places[host]
        with place:
            _sleep_until(self._turn(host))
            yield

    def _turn(self, host: str) -> float:
        with self._lock:
            at = max(time.monotonic(), self._next_at[host])
            self._next_at[host] = at + self._step_s
            return at

    def pause(self, host: str, seconds: float) -> None:
        """Let nobody ask this host before so many seconds have passed."""
        with self._lock:
            self._next_at[host] = max(self._next_at[host], time.monotonic() + seconds)

    def pace(self, n_bytes: int) -> None:
        """Wait until so many more bytes are within the limit of the whole process."""
        if not self._bytes_per_s:
            return
        with self._lock:
            at = max(time.monotonic(), self._bytes_due_at)
            self._bytes_due_at = at + n_bytes / self._bytes_per_s
        _sleep_until(at)


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.monotonic()))


@cache
def gate_of(settings: Settings) -> Gate:
    """Return the gate of this process."""
    return Gate(
        settings.downloads_per_host,
        settings.requests_per_s,
        settings.download_mb_per_s * _MEGABYTE,
    )
