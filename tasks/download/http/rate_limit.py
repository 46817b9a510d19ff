"""Rate limits: concurrent requests and requests per second per host, bytes per second."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore, Lock

from tasks.common.settings import Settings

_MEGABYTE = 1 << 20


class RateLimiter:
    """The limits that all downloads of a process share.

    Threads reserve a time slot under the lock and sleep without it, so that a waiting thread never
    blocks requests to other hosts.
    """

    def __init__(self, per_host: int, requests_per_s: float, bytes_per_s: float):
        """`bytes_per_s` of 0 means no limit."""
        self._slots: dict[str, BoundedSemaphore] = defaultdict(lambda: BoundedSemaphore(per_host))
        self._next_at: dict[str, float] = defaultdict(float)  # by the monotonic clock
        self._step_s = 1.0 / requests_per_s
        self._bytes_per_s = bytes_per_s
        self._bytes_due_at = 0.0
        self._lock = Lock()

    @contextmanager
    def request(self, host: str) -> Iterator[None]:
        """Hold one of the host's connection slots for the block, after waiting for a time slot."""
        with self._lock:  # defaultdict is not thread-safe
            slot = self._slots[host]
        # First a slot, then a turn: a thread that waits for a slot must not use up turns.
        with slot:
            _sleep_until(self._reserve_turn(host))
            yield

    def _reserve_turn(self, host: str) -> float:
        with self._lock:
            at = max(time.monotonic(), self._next_at[host])
            self._next_at[host] = at + self._step_s
            return at

    def pause(self, host: str, seconds: float) -> None:
        """Delay the requests of all threads to a host by so many seconds from now."""
        with self._lock:
            self._next_at[host] = max(self._next_at[host], time.monotonic() + seconds)

    def pace(self, n_bytes: int) -> None:
        """Wait until so many more bytes are within the limit of the whole process."""
        if not self._bytes_per_s:
            return
        with self._lock:
            at = max(time.monotonic(), self._bytes_due_at)
            # Each block delays the next one by its own share, so the rate holds on average.
            self._bytes_due_at = at + n_bytes / self._bytes_per_s
        _sleep_until(at)


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.monotonic()))


@cache
def rate_limiter(settings: Settings) -> RateLimiter:
    """Return the rate limiter of this process."""
    return RateLimiter(
        settings.downloads_per_host,
        settings.requests_per_s,
        settings.download_mb_per_s * _MEGABYTE,
    )
