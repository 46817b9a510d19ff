"""What every store promises to writers who meet: each conditional write has one winner."""

import pytest

from tasks.common.store.address import open_store
from tasks.common.store.objects import ObjectStore
from tests.common.store.stores import at_once, put


@pytest.fixture
def store(store_address: str) -> ObjectStore:
    """An empty store: a folder, then one on the server; moto is not made for many at once."""
    return open_store(store_address)


WRITERS = [f"writer {number}".encode() * 100 for number in range(5)]


def test_put_if_absent_writes_once(store: ObjectStore) -> None:
    assert store.put_if_absent("a/b", b"first") is True
    assert store.put_if_absent("a/b", b"second") is False
    assert store.get("a/b") == b"first"


def test_put_if_absent_does_not_even_replace_the_same_bytes(store: ObjectStore) -> None:
    put(store, "a/b", b"same")
    assert store.put_if_absent("a/b", b"same") is False


def test_an_empty_object_is_one_that_is_there(store: ObjectStore) -> None:
    assert store.put_if_absent("a/b", b"") is True
    assert store.put_if_absent("a/b", b"late") is False
    assert store.swap("a/b", None, b"late") is False
    assert store.swap("a/b", b"", b"seen") is True
    assert store.get("a/b") == b"seen"


def test_what_was_removed_can_be_put_again(store: ObjectStore) -> None:
    store.put_if_absent("a/b", b"first")
    store.delete(["a/b"])
    assert store.put_if_absent("a/b", b"second") is True
    assert store.get("a/b") == b"second"


@pytest.mark.parametrize(
    ("there", "expected", "swapped"),
    [
        pytest.param(None, None, True, id="first"),
        pytest.param(b"old", b"old", True, id="as seen"),
        pytest.param(b"other", b"old", False, id="changed meanwhile"),
        pytest.param(b"other", None, False, id="appeared meanwhile"),
        pytest.param(None, b"old", False, id="gone meanwhile"),
        pytest.param(b"old", b"", False, id="empty is not as seen"),
        pytest.param(None, b"", False, id="none is not empty"),
    ],
)
def test_swap_replaces_only_what_the_caller_saw(
    there: bytes | None, expected: bytes | None, swapped: bool, store: ObjectStore
) -> None:
    if there is not None:
        put(store, "channels/a.json", there)
    assert store.swap("channels/a.json", expected, b"new") is swapped
    assert store.get("channels/a.json") == (b"new" if swapped else there)


def test_a_swap_for_the_same_bytes_is_one(store: ObjectStore) -> None:
    put(store, "a", b"same")
    assert store.swap("a", b"same", b"same") is True
    assert store.get("a") == b"same"


def test_of_many_writers_at_once_one_puts_the_object(store: ObjectStore) -> None:
    wrote = at_once(lambda data: store.put_if_absent("a/b", data), WRITERS)
    assert wrote.count(True) == 1
    assert store.get("a/b") == WRITERS[wrote.index(True)]


@pytest.mark.parametrize("there", [None, b"old"])
def test_of_many_swaps_at_once_one_is_done(there: bytes | None, store: ObjectStore) -> None:
    if there is not None:
        put(store, "a/b", there)
    swapped = at_once(lambda data: store.swap("a/b", there, data), WRITERS)
    assert swapped.count(True) == 1
    assert store.get("a/b") == WRITERS[swapped.index(True)]


def test_first_puts_and_first_swaps_at_once_have_one_winner_together(store: ObjectStore) -> None:
    def write(number: int) -> bool:
        if number % 2:
            return store.swap("a/b", None, WRITERS[number])
        return store.put_if_absent("a/b", WRITERS[number])

    won = at_once(write, range(len(WRITERS)))
    assert won.count(True) == 1
    assert store.get("a/b") == WRITERS[won.index(True)]


@pytest.mark.usefixtures("no_fsync")
def test_swaps_of_many_threads_lose_no_count(store: ObjectStore) -> None:
    def count(_: int) -> None:
        for _ in range(10):
            seen = store.get("n")
            while not store.swap("n", seen, str(int(seen or b"0") + 1).encode()):
                seen = store.get("n")

    at_once(count, range(3))
    assert store.get("n") == b"30"


@pytest.mark.usefixtures("no_fsync")
def test_a_reader_sees_old_or_new_bytes_and_never_a_mixture(store: ObjectStore) -> None:
    old, new = b"o" * 300_000, b"n" * 300_000
    put(store, "a", old)
    seen: set[bytes | None] = set()

    def work(number: int) -> None:
        for turn in range(10):
            if number:
                seen.add(store.get("a"))
            else:
                put(store, "a", old if turn % 2 else new)

    at_once(work, range(3))
    assert seen <= {old, new}
    assert seen


@pytest.mark.usefixtures("no_fsync")
def test_objects_put_at_once_beside_each_other_are_all_there(store: ObjectStore) -> None:
    at_once(lambda number: put(store, f"a/{number % 3}/{number}", b"."), range(12))
    assert sorted(store.list_objects("a/")) == sorted(f"a/{n % 3}/{n}" for n in range(12))
