"""Whether a version is what was published, byte by byte."""

from pathlib import Path

import pytest

from tasks.common.schema.layout import MANIFEST
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.records import manifest_key
from tasks.publish.registry import VersionRegistry
from tasks.publish.verify import verify_version
from tests.dataset.trees import push_samples
from tests.publish.forge import put
from tests.publish.wrappers import Around, OtherTags

FILES = ["img_dir/train/a.jpg", "ann_dir/train/a.png", "split_dir/train.txt", "README.md"]


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("name", FILES[:2])
def test_a_flipped_byte_is_found_whatever_the_tags_say(
    name: str, workspace: Workspace, any_store: ObjectStore
) -> None:
    commit = push_samples(workspace, any_store, "a")
    put(any_store, commit.prefix + name, _flipped(any_store.get(commit.prefix + name) or b"", 0))
    registry = VersionRegistry(OtherTags(any_store))
    assert list(verify_version(registry, commit)) == []
    (told,) = verify_version(registry, commit, deep=True)
    assert (told.file, told.reason) == (name, "altered")
    assert told.sentence == f"{name} holds other bytes than were published"


@pytest.mark.parametrize("at", [0, 5, -1], ids=["first", "middle", "last"])
def test_a_byte_that_rotted_on_the_disk_is_found(
    at: int, workspace: Workspace, folder_store: FolderStore
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    path = Path(folder_store.root / commit.prefix / FILES[0])
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(_flipped(data, at % len(data)))
    registry = VersionRegistry(folder_store)
    assert list(verify_version(registry, commit)) == []
    assert [told[1:3] for told in verify_version(registry, commit, deep=True)] == [
        (FILES[0], "altered")
    ]


def test_a_byte_that_rots_in_a_shared_file_is_found_in_both_versions(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    commits = [push_samples(workspace, folder_store, *names) for names in ("a", "ab")]
    path = Path(folder_store.root / commits[1].prefix / FILES[0])
    path.chmod(0o644)
    path.write_bytes(b"image of z")
    found = [
        list(verify_version(VersionRegistry(folder_store), commit, deep=True)) for commit in commits
    ]
    assert [[told.file for told in problems] for problems in found] == [[FILES[0]]] * 2


@pytest.mark.parametrize(
    "gone",
    [pytest.param("table", id="without the table"), pytest.param("list", id="without the list")],
)
def test_a_flipped_byte_is_found_with_one_of_the_two_lists(
    gone: str, workspace: Workspace, folder_store: FolderStore
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    lost = manifest_key(commit.tree) if gone == "table" else commit.prefix + MANIFEST
    folder_store.delete([lost])
    put(folder_store, commit.prefix + FILES[0], b"image of z")
    registry = VersionRegistry(OtherTags(folder_store))
    problems = verify_version(registry, commit, deep=True)
    found = [(problem.file, problem.reason) for problem in problems]
    assert found == [(lost.removeprefix(commit.prefix), "missing"), (FILES[0], "altered")]


def test_a_file_that_vanishes_while_all_are_read_is_missing(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    class Vanishing(Around):
        def get(self, key: str) -> bytes | None:
            return None if key.endswith(FILES[0]) else self.inner.get(key)

    commit = push_samples(workspace, folder_store, "a")
    found = list(verify_version(VersionRegistry(Vanishing(folder_store)), commit, deep=True))
    assert [(told.file, told.reason) for told in found] == [(FILES[0], "missing")]


def test_every_byte_is_read_once(workspace: Workspace, any_store: ObjectStore) -> None:
    class Counting(Around):
        def __init__(self, inner: ObjectStore):
            super().__init__(inner)
            self.read: list[str] = []

        def get(self, key: str) -> bytes | None:
            self.read.append(key)
            return self.inner.get(key)

    commit = push_samples(workspace, any_store, "a", "b")
    counting = Counting(any_store)
    assert list(verify_version(VersionRegistry(counting), commit, deep=True)) == []
    of_tree = [key for key in counting.read if key.startswith("trees/")]
    assert sorted(of_tree) == sorted(any_store.list_objects(commit.prefix))
