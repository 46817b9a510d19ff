"""Work on many objects at once: order, limits, errors; and what a listing may say of contents."""

import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from tasks.common.errors import WorldError
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import Content, Stored, in_parallel

BOUND_S = 20  # of waits that end at once unless something is broken


def store_of(n_connections: int) -> FolderStore:
    """Return a store that takes so many requests at once; no test here sends one."""
    return FolderStore(Path("/nowhere"), n_connections)


def test_no_items_give_no_results() -> None:
    assert list(in_parallel(str, [], store_of(4))) == []


def test_results_come_in_the_order_of_the_items_whoever_ends_first() -> None:
    last_is_done = threading.Event()

    def work(number: int) -> int:
        if number == 2:
            last_is_done.set()
        assert last_is_done.wait(BOUND_S)
        return number * 10

    assert list(in_parallel(work, range(3), store_of(3))) == [0, 10, 20]


@pytest.mark.parametrize("n_connections", [1, 3])
def test_as_many_are_at_work_as_the_store_takes_and_no_more(n_connections: int) -> None:
    together = threading.Barrier(n_connections, timeout=BOUND_S)
    lock = threading.Lock()
    at_work: set[int] = set()
    seen: set[int] = set()

    def work(number: int) -> None:
        with lock:
            at_work.add(number)
            seen.add(len(at_work))
        together.wait()  # passes only when all connections are in use
        with lock:
            at_work.remove(number)

    list(in_parallel(work, range(n_connections * 4), store_of(n_connections)))
    assert max(seen) == n_connections


def test_the_first_error_comes_out_and_what_waits_is_not_started() -> None:
    started: list[int] = []

    def work(number: int) -> int:
        started.append(number)
        if number == 1:
            raise WorldError("the store is gone")
        if number > 1:
            threading.Event().wait(0.3)  # keeps both connections busy while the error travels
        return number

    results = in_parallel(work, range(100), store_of(2))
    assert next(results) == 0
    with pytest.raises(WorldError, match="the store is gone"):
        next(results)
    assert len(started) < 10


def test_an_error_ends_the_rest_also_while_an_earlier_item_is_under_way() -> None:
    last_is_started = threading.Event()
    started: list[int] = []

    def work(number: int) -> None:
        started.append(number)
        if number == 0:
            last_is_started.wait(1)
        elif number == 1:
            raise WorldError("the store is gone")
        elif number == 19:
            last_is_started.set()
        else:
            threading.Event().wait(0.02)

    with pytest.raises(WorldError, match="the store is gone"):
        list(in_parallel(work, range(20), store_of(2)))
    assert 19 not in started


def test_what_is_under_way_at_an_error_is_finished_first() -> None:
    both = threading.Barrier(2, timeout=BOUND_S)
    finished: list[int] = []

    def work(number: int) -> None:
        both.wait()
        if number == 0:
            raise WorldError("the store is gone")
        threading.Event().wait(0.1)
        finished.append(number)

    with pytest.raises(WorldError):
        list(in_parallel(work, range(2), store_of(2)))
    assert finished == [1]


def test_a_reader_who_stops_early_leaves_nobody_at_work() -> None:
    started: list[int] = []

    def work(number: int) -> int:
        started.append(number)
        if number:
            threading.Event().wait(0.3)
        return number

    results = in_parallel(work, range(100), store_of(1))
    assert isinstance(results, Generator)
    assert next(results) == 0
    results.close()
    assert len(started) < 5
    assert [thread.name for thread in threading.enumerate() if "store_" in thread.name] == []


@pytest.mark.parametrize(
    ("listed", "content", "may"),
    [
        pytest.param(Stored(5, "aa"), Content(5, "d", "aa"), True, id="all the same"),
        pytest.param(Stored(5, "aa"), Content(5, "d", "bb"), False, id="other md5"),
        pytest.param(Stored(4, "aa"), Content(5, "d", "aa"), False, id="other size"),
        pytest.param(Stored(5), Content(5, "d", "aa"), True, id="store tells no md5"),
        pytest.param(Stored(5, "aa"), Content(5, "d"), True, id="nobody noted the md5"),
        pytest.param(Stored(4), Content(5, "d"), False, id="other size and no md5"),
        pytest.param(Stored(0), Content(0, "d"), True, id="empty"),
    ],
)
def test_a_listing_speaks_against_other_sizes_and_other_md5(
    listed: Stored, content: Content, may: bool
) -> None:
    assert listed.may_hold(content) is may
