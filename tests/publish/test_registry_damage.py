"""Records that were damaged, or written by an older or a newer program."""

import json

import pytest

from tasks.common.errors import ArtifactError
from tasks.common.store.folder import FolderStore
from tasks.publish.records import (
    Channel,
    channels_key,
    commit_key,
    manifest_key,
    retirement_key,
)
from tasks.publish.registry import VersionRegistry
from tests.dataset.trees import NAME
from tests.publish.forge import Shape, put, put_channels, put_record, put_version, record

GARBLED = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="cut"),
    pytest.param(b"\xff\xfe\x00", id="no text"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b"null", id="null"),
    pytest.param(b"<html>502 Bad Gateway</html>", id="a page"),
]


@pytest.mark.parametrize("data", [*GARBLED, pytest.param(b"{}", id="nothing in it")])
def test_a_damaged_commit_record_is_told_with_its_address(
    data: bytes, folder_store: FolderStore
) -> None:
    put(folder_store, commit_key(NAME, 1), data)
    with pytest.raises(ArtifactError, match=r"/v0001\.json is damaged\. Restore"):
        VersionRegistry(folder_store).resolve(f"{NAME}@v1")


@pytest.mark.parametrize(
    "data",
    [
        *GARBLED,
        pytest.param(b'{"latest": "2"}', id="a word"),
        pytest.param(b'{"latest": {"version": 2}}', id="half a channel"),
        pytest.param(b'{"latest": null}', id="null in it"),
    ],
)
def test_damaged_channels_are_told_with_their_address(
    data: bytes, folder_store: FolderStore
) -> None:
    put_record(folder_store, 1)
    put(folder_store, channels_key(NAME), data)
    with pytest.raises(ArtifactError, match=rf"/channels/{NAME}\.json is damaged"):
        VersionRegistry(folder_store).channels(NAME)


@pytest.mark.parametrize("data", [*GARBLED, pytest.param(b"{}", id="nothing in it")])
def test_a_damaged_retirement_is_told_with_its_address(
    data: bytes, folder_store: FolderStore
) -> None:
    put(folder_store, retirement_key(NAME, 1), data)
    with pytest.raises(ArtifactError, match=rf"/retired/{NAME}/v0001\.json is damaged"):
        VersionRegistry(folder_store).retirement(NAME, 1)


@pytest.mark.parametrize("data", GARBLED)
def test_a_damaged_table_of_files_is_told_with_its_address(
    data: bytes, folder_store: FolderStore
) -> None:
    put(folder_store, manifest_key("t1"), data)
    with pytest.raises(ArtifactError, match=r"/manifests/t1\.parquet is damaged"):
        VersionRegistry(folder_store).files(record(1))


@pytest.mark.parametrize("at", [0.0, 0.25, 0.5, 0.75, 0.99])
def test_a_cut_table_of_files_is_told(at: float, folder_store: FolderStore) -> None:
    commit = put_version(folder_store, 1, {"a": Shape(), "b": Shape()})
    key = manifest_key(commit.tree)
    data = folder_store.get(key) or b""
    put(folder_store, key, data[: int(len(data) * at)])
    with pytest.raises(ArtifactError, match=r"is damaged"):
        VersionRegistry(folder_store).files(commit)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"name": "CustomSeg_Person_20261122_other"}, id="of another subset"),
        pytest.param({"name": "../../outside"}, id="with a way up for a name"),
        pytest.param({"version": 2}, id="with another number"),
    ],
)
def test_a_record_that_is_not_of_its_place_is_damaged(
    facts: dict[str, object], folder_store: FolderStore
) -> None:
    put(folder_store, commit_key(NAME, 1), record(1, **facts).encode())
    with pytest.raises(ArtifactError, match=r"/v0001\.json is damaged"):
        VersionRegistry(folder_store).resolve(f"{NAME}@v1")


@pytest.mark.parametrize(
    ("old", "channels"),
    [
        pytest.param({"latest": 2}, {"latest": (2, 2)}, id="latest"),
        pytest.param({"latest": 2, "stable": 1}, {"latest": (2, 2), "stable": (1, 1)}, id="two"),
        pytest.param(
            {"latest": {"version": 1, "newest": 2}, "stable": 1},
            {"latest": (1, 2), "stable": (1, 1)},
            id="beside new ones",
        ),
        pytest.param({}, {}, id="none"),
    ],
)
def test_channels_of_the_old_form_are_read(
    old: dict[str, object], channels: dict[str, tuple[int, int]], folder_store: FolderStore
) -> None:
    for number in (1, 2):
        put_record(folder_store, number)
    put_channels(folder_store, old)
    read, seen = VersionRegistry(folder_store).channels(NAME)
    assert read == {
        word: Channel(version=version, newest=newest)
        for word, (version, newest) in channels.items()
    }
    assert json.loads(seen or b"") == old


def test_a_record_of_a_newer_program_is_read_with_what_is_known(folder_store: FolderStore) -> None:
    values = json.loads(record(1).encode()) | {"signed_by": "ann", "shards": [1, 2]}
    put(folder_store, commit_key(NAME, 1), json.dumps(values).encode())
    put_channels(folder_store, {"latest": {"version": 1, "newest": 1, "by": "ann"}})
    registry = VersionRegistry(folder_store)
    assert registry.resolve(NAME) == record(1)
    assert registry.channels(NAME)[0] == {"latest": Channel(version=1, newest=1)}


def test_the_same_values_are_the_same_bytes() -> None:
    made = record(3)
    assert type(made).model_validate_json(made.encode()).encode() == made.encode()
    assert json.loads(made.encode())["committed_at"] == "2026-11-22T12:00:00Z"
