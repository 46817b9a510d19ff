"""Limits towards servers: how many at once, how fast, and how long to wait."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.common.settings import settings
from tasks.download.http.rate_limit import RateLimiter
from tasks.download.http.retry import RetryLaterError, retrying
from tests.download.fetching import fetch_from, png
from tests.download.servers import Request, serving


@pytest.mark.service
def test_a_host_never_has_more_requests_at_once_than_allowed(
    tmp_path_factory: pytest.TempPathFactory, loopback: None
) -> None:
    def slow(request: Request) -> None:
        time.sleep(0.05)
        request.serve(png() + request.where.encode())

    with serving(slow) as server:

        def one(number: int) -> None:
            fetch_from(f"{server.url}/{number}.png", tmp_path_factory.mktemp("w"))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, range(8)))
    assert server.most_at_once == settings().downloads_per_host == 2


def test_hosts_do_not_wait_for_each_other() -> None:
    limiter = RateLimiter(1, 1000.0, 0.0)
    with limiter.request("a"), limiter.request("b"):
        pass


def test_requests_of_a_host_keep_their_distance() -> None:
    limiter, start = RateLimiter(4, 20.0, 0.0), time.monotonic()
    for _ in range(4):
        with limiter.request("a"):
            pass
    assert time.monotonic() - start >= 3 / 20.0


def test_nobody_asks_a_host_that_wants_a_pause() -> None:
    limiter, start = RateLimiter(4, 1000.0, 0.0), time.monotonic()
    limiter.pause("a", 0.1)
    with limiter.request("b"):
        assert time.monotonic() - start < 0.1
    with limiter.request("a"):
        assert time.monotonic() - start >= 0.1


def test_bytes_come_no_faster_than_the_limit() -> None:
    limiter, start = RateLimiter(4, 1000.0, 1_000_000.0), time.monotonic()
    for _ in range(5):
        limiter.pace(50_000)
    assert time.monotonic() - start >= 4 * 0.05


@pytest.mark.parametrize(
    ("waits_s", "n_calls"),
    [
        pytest.param([0.0, 0.0], 3, id="done at the third attempt"),
        pytest.param([0.0] * 9, 4, id="given up after the last attempt"),
        pytest.param([0.0, 61.0, 0.0], 2, id="a longer wait than accepted"),
    ],
)
def test_a_call_is_repeated_as_often_and_as_late_as_accepted(
    waits_s: list[float], n_calls: int
) -> None:
    calls: list[float] = []

    def call() -> str:
        calls.append(0.0)
        if len(calls) <= len(waits_s):
            raise RetryLaterError(waits_s[len(calls) - 1], "busy")
        return "done"

    retries = retrying(RateLimiter(4, 1000.0, 0.0), "a", 4, 60.0)
    if n_calls > len(waits_s):
        assert retries(call) == "done"
    else:
        with pytest.raises(RetryLaterError, match="busy"):
            retries(call)
    assert len(calls) == n_calls


def test_a_requested_wait_delays_every_request_to_that_host() -> None:
    limiter, start, waits_s = RateLimiter(4, 1000.0, 0.0), time.monotonic(), [0.1]

    def call() -> None:
        if waits_s:
            raise RetryLaterError(waits_s.pop(), "busy")

    retrying(limiter, "a", 2, 60.0)(call)
    assert time.monotonic() - start < 0.1  # it is the next request that waits
    with limiter.request("a"):
        assert time.monotonic() - start >= 0.1
