"""Limits towards servers: how many at once, how fast, and how long to wait."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.common.settings import settings
from tasks.download.http.rate_limit import Gate
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
    gate = Gate(1, 1000.0, 0.0)
    with gate.request("a"), gate.request("b"):
        pass


def test_requests_of_a_host_keep_their_distance() -> None:
    gate, start = Gate(4, 20.0, 0.0), time.monotonic()
    for _ in range(4):
        with gate.request("a"):
            pass
    assert time.monotonic() - start >= 3 / 20.0


def test_nobody_asks_a_host_that_wants_a_pause() -> None:
    gate, start = Gate(4, 1000.0, 0.0), time.monotonic()
    gate.pause("a", 0.1)
    with gate.request("b"):
        assert time.monotonic() - start < 0.1
    with gate.request("a"):
        assert time.monotonic() - start >= 0.1


def test_bytes_come_no_faster_than_the_limit() -> None:
    gate, start = Gate(4, 1000.0, 1_000_000.0), time.monotonic()
    for _ in range(5):
        gate.pace(50_000)
    assert time.monotonic() - start >= 4 * 0.05
