"""What every store promises of its objects: they come back, are listed, replaced and removed."""

from pathlib import Path

import pytest

from tasks.common.files import digest_bytes
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.store.objects import ObjectStore, in_parallel
from tests.common.store.stores import content_of, put

KEYS = [
    pytest.param("plain.json", id="without a folder"),
    pytest.param("a/b/c/d.png", id="deep"),
    pytest.param("a/street photo 1.jpg", id="spaces"),
    pytest.param("a/上海 街道/照片.jpg", id="chinese"),
    pytest.param("a/ümlaut é.jpg", id="accents"),
    pytest.param("a/1+1=2&x=%20%25.jpg", id="what urls escape"),
    pytest.param("a/what?#~'()!*,;:@$.jpg", id="what urls divide by"),
    pytest.param("a/" + "x" * 200, id="long"),
]


def test_a_store_where_nothing_was_put_is_empty(store: ObjectStore, tmp_path: Path) -> None:
    found = (store.list_objects("a/"), store.list_folders("a/"), store.get("a/b"))
    assert found == ({}, [], None)
    assert store.fetch("a/b", tmp_path / "b") is False


def test_a_probe_of_an_empty_store_leaves_it_usable_and_nothing_listed(store: ObjectStore) -> None:
    store.probe()
    store.probe()
    put(store, "a/b", b"bytes")
    assert (store.get("a/b"), list(store.list_objects("a/"))) == (b"bytes", ["a/b"])
    assert [name for name in store.list_folders("") if not name.startswith(".")] == ["a"]


@pytest.mark.parametrize("key", KEYS)
def test_an_object_comes_back_under_its_key(key: str, store: ObjectStore, tmp_path: Path) -> None:
    data = f"bytes of {key}".encode()
    put(store, key, data)
    assert store.get(key) == data
    assert store.fetch(key, tmp_path / "fetched") is True
    assert (tmp_path / "fetched").read_bytes() == data


@pytest.mark.parametrize("key", [key for key in KEYS if "/" in str(key.values[0])])
def test_an_object_is_listed_under_its_key(key: str, store: ObjectStore) -> None:
    put(store, key, b"bytes")
    sizes = {key: there.size_bytes for key, there in store.list_objects("a/").items()}
    assert sizes == {key: 5}


@pytest.mark.parametrize("key", KEYS)
def test_an_object_is_removed_under_its_key(key: str, store: ObjectStore) -> None:
    put(store, key, b"bytes")
    put(store, "a/other", b"stays")
    store.delete([key])
    assert (store.get(key), list(store.list_objects("a/"))) == (None, ["a/other"])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00", id="one zero"),
        pytest.param(b"\r\n\n\r", id="line ends"),
        pytest.param(bytes(range(256)) * 40_000, id="ten megabytes"),
    ],
)
def test_bytes_come_back_as_they_were_put(data: bytes, store: ObjectStore, tmp_path: Path) -> None:
    put(store, "a/b", data)
    store.fetch("a/b", tmp_path / "b")
    assert store.get("a/b") == data
    assert (tmp_path / "b").read_bytes() == data
    assert store.list_objects("a/")["a/b"].size_bytes == len(data)


def test_put_replaces_and_a_shorter_object_keeps_no_tail(store: ObjectStore) -> None:
    put(store, "a/b", b"an older and longer one")
    put(store, "a/b", b"new")
    assert (store.get("a/b"), store.list_objects("a/")["a/b"].size_bytes) == (b"new", 3)


def test_a_listing_stops_at_the_borders_of_its_prefix(store: ObjectStore) -> None:
    for key in ("a/b", "a/c/d", "ab/c", "a.b", "b/a/c"):
        put(store, key, b".")
    assert sorted(store.list_objects("a/")) == ["a/b", "a/c/d"]
    assert sorted(store.list_objects("a/c/")) == ["a/c/d"]


def test_folders_are_those_right_under_a_prefix_sorted(store: ObjectStore) -> None:
    for key in ("a/z/1", "a/b/1", "a/b/c/1", "a/照 片/1", "a/file", "ab/x/1"):
        put(store, key, b".")
    assert store.list_folders("a/") == ["b", "z", "照 片"]


def test_other_stores_at_the_same_place_are_not_seen(
    store: ObjectStore, store_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTEFLOW_ROOT_NAME", "Insta360SemanticSegToo")
    settings.cache_clear()
    other = open_store(store_address)
    put(other, "a/b", b"other")
    assert (store.get("a/b"), store.list_objects("a/"), store.list_folders("")) == (None, {}, [])


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("b/c", id="nothing like it"),
        pytest.param("a/bc", id="longer name"),
        pytest.param("a", id="folder of objects"),
        pytest.param("a/b/c", id="below an object"),
    ],
)
class TestWhatIsNotThere:
    def test_is_none(self, key: str, store: ObjectStore, tmp_path: Path) -> None:
        put(store, "a/b", b"bytes")
        assert (store.get(key), store.fetch(key, tmp_path / "new")) == (None, False)

    def test_is_removed_without_an_error(self, key: str, store: ObjectStore) -> None:
        put(store, "a/b", b"bytes")
        store.delete([key])
        assert store.get("a/b") == b"bytes"


def test_removing_takes_any_iterable_and_each_key_once_or_more(store: ObjectStore) -> None:
    for key in ("a/1", "a/2", "a/3"):
        put(store, key, b".")
    store.delete([])
    store.delete(iter(["a/1", "b/none", "a/3", "a/1"]))
    assert list(store.list_objects("a/")) == ["a/2"]


@pytest.mark.usefixtures("no_fsync")
def test_more_objects_than_a_page_holds_are_all_listed_and_removed(store: ObjectStore) -> None:
    names = [f"{number:04d}" for number in range(1003)]
    keys = [f"a/{name}/x" for name in names]
    list(in_parallel(lambda key: put(store, key, b"."), keys, store))
    assert {*store.list_objects("a/")} == {*keys}
    assert store.list_folders("a/") == names
    store.delete(keys[1:])
    assert list(store.list_objects("a/")) == ["a/0000/x"]


def test_a_listing_says_nothing_false_of_what_it_lists(store: ObjectStore) -> None:
    put(store, "a/b", b"bytes")
    put(store, "a/empty", b"")
    there = store.list_objects("a/")
    assert there["a/b"].may_hold(content_of(b"bytes")) is True
    assert there["a/empty"].may_hold(content_of(b"")) is True
    assert there["a/b"].may_hold(content_of(b"longer bytes")) is False


def test_an_address_ends_with_the_key_and_names_the_place(store_address: str) -> None:
    store = open_store(store_address)
    assert store.url("trees/ab/Name") == f"{store_address}/Insta360SemanticSeg/trees/ab/Name"


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_file_becomes_an_object(size: int, store: ObjectStore, tmp_path: Path) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "file").write_bytes(data[:size])
    store.put_file("a/file", tmp_path / "file", digest_bytes(data[:size]))
    assert store.get("a/file") == data[:size]
    assert (tmp_path / "file").read_bytes() == data[:size]


def test_a_file_that_is_too_large_for_one_request_comes_whole(
    s3_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.common.store.s3._ONE_PUT_BYTES", 1 << 20)
    data = bytes(range(256)) * (20 << 12)  # 20 MiB, which boto3 sends in parts of 8
    (tmp_path / "file").write_bytes(data)
    store = open_store(s3_address)
    store.put_file("a/file", tmp_path / "file", digest_bytes(data))
    assert store.get("a/file") == data
