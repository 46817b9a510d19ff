"""A folder with the promises of an object store."""

import threading
from pathlib import Path

import pytest

from tasks.publish.folder_store import FolderStore


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def test_a_store_that_is_not_there_holds_nothing(store: FolderStore) -> None:
    assert (store.sizes("trees/"), store.get("trees/a")) == ({}, None)


def test_an_object_comes_back_with_its_size(store: FolderStore) -> None:
    store.put("a/b/c", b"bytes")
    assert (store.get("a/b/c"), store.sizes("a/")) == (b"bytes", {"a/b/c": 5})


def test_an_empty_object_is_there(store: FolderStore) -> None:
    store.put("a/b", b"")
    assert (store.get("a/b"), store.sizes("a/")) == (b"", {"a/b": 0})


def test_only_what_is_under_the_prefix_is_listed(store: FolderStore) -> None:
    for key in ("a/b", "a/c/d", "ab/c"):
        store.put(key, b".")
    assert sorted(store.sizes("a/")) == ["a/b", "a/c/d"]


def test_put_replaces(store: FolderStore) -> None:
    store.put("a", b"old")
    store.put("a", b"newer")
    assert store.get("a") == b"newer"


def test_put_if_absent_writes_once(store: FolderStore) -> None:
    assert store.put_if_absent("a/b", b"first")
    assert not store.put_if_absent("a/b", b"second")
    assert store.get("a/b") == b"first"


def test_of_many_writers_at_once_one_puts_the_object(store: FolderStore) -> None:
    won: list[bytes] = []

    def write(data: bytes) -> None:
        if store.put_if_absent("a/b", data):
            won.append(data)

    threads = [threading.Thread(target=write, args=(bytes([n]) * 100,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [store.get("a/b")]


@pytest.mark.parametrize(
    ("there", "expected", "swapped"),
    [
        pytest.param(None, None, True, id="first"),
        pytest.param(b"old", b"old", True, id="as seen"),
        pytest.param(b"other", b"old", False, id="changed meanwhile"),
        pytest.param(b"other", None, False, id="appeared meanwhile"),
        pytest.param(None, b"old", False, id="gone meanwhile"),
    ],
)
def test_swap_replaces_only_what_the_caller_saw(
    there: bytes | None, expected: bytes | None, swapped: bool, store: FolderStore
) -> None:
    if there is not None:
        store.put("channels/a.json", there)
    assert store.swap("channels/a.json", expected, b"new") is swapped
    assert store.get("channels/a.json") == (b"new" if swapped else there)


def test_swaps_of_many_threads_lose_no_count(store: FolderStore) -> None:
    def count() -> None:
        for _ in range(10):
            seen = store.get("n")
            while not store.swap("n", seen, str(int(seen or b"0") + 1).encode()):
                seen = store.get("n")

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("n") == b"30"


@pytest.mark.parametrize("write", ["put", "put_if_absent", "copy", "swap"])
def test_a_write_leaves_nothing_else_behind(write: str, store: FolderStore) -> None:
    store.put("a/source", b"bytes")
    if write == "copy":
        store.copy("a/source", "b/c")
    elif write == "swap":
        store.swap("b/c", None, b"bytes")
    else:
        getattr(store, write)("b/c", b"bytes")
    assert [path.name for path in (store.root / "b").iterdir()] == ["c"]


def test_a_half_written_object_is_not_listed(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[dict[str, int]] = []
    monkeypatch.setattr("os.fsync", lambda _: listed.append(store.sizes("a/")))
    store.put("a/b", b"bytes")
    store.put_if_absent("a/c", b"bytes")
    before_put, _, before_link, _ = listed
    assert (before_put, before_link) == ({}, {"a/b": 5})


@pytest.mark.parametrize("write", ["put", "put_if_absent"])
def test_a_write_that_breaks_off_leaves_nothing(
    write: str, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", cut)
    with pytest.raises(OSError, match="no space left"):
        getattr(store, write)("a/b", b"bytes")
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_copy_moves_no_bytes(store: FolderStore) -> None:
    store.put("a", b"bytes")
    assert store.copy("a", "b/c")
    assert (store.root / "a").samefile(store.root / "b" / "c")


def test_a_copy_of_nothing_is_told(store: FolderStore) -> None:
    store.root.mkdir()
    assert not store.copy("a", "b/c")
    assert store.sizes("b/") == {}


def test_a_new_object_under_the_source_does_not_change_the_copy(store: FolderStore) -> None:
    store.put("a", b"old")
    store.copy("a", "b")
    store.put("a", b"new")
    assert store.get("b") == b"old"


def test_a_copy_over_another_object_takes_its_place_or_is_refused(store: FolderStore) -> None:
    store.put("a", b"bytes")
    store.put("b", b"other")
    assert (store.copy("a", "b"), store.get("b")) in [(True, b"bytes"), (False, b"other")]


def test_an_address_is_one_that_a_program_can_open(store: FolderStore) -> None:
    assert store.url("a b/c") == (store.root / "a b" / "c").as_uri()
