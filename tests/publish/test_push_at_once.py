"""Several publishers at once, and readers beside them."""

import os
import threading
from pathlib import Path

import pytest

from tasks.common.artifacts import Workspace
from tasks.common.records import Publication, StageResult
from tasks.publish.folder_store import FolderStore
from tests.publish.trees import kept_tree, latest_version, push, require_all_versions_whole


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


def test_a_half_written_object_is_never_in_a_published_folder(
    workspace: Workspace, one: StageResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, seen = FolderStore(tmp_path / "store"), list[str]()
    sync = os.fsync

    def look(handle: int) -> None:
        seen.extend(path.name for path in store.root.glob("[!.]*/**/*") if path.is_file())
        sync(handle)

    monkeypatch.setattr(os, "fsync", look)
    push(one, workspace, store)
    assert len(seen) > 0
    assert [name for name in seen if "." not in name or name.startswith(".")] == []
    assert list((store.root / ".incoming").iterdir()) == []


def test_publishers_of_different_trees_at_once_all_get_a_version(
    workspace: Workspace, tmp_path: Path
) -> None:
    trees = [kept_tree(workspace, name) for name in "abc"]
    start, done = threading.Barrier(len(trees)), list[Publication]()

    def publish(tree: StageResult) -> None:
        start.wait()
        done.append(push(tree, workspace, FolderStore(tmp_path)))

    threads = [threading.Thread(target=publish, args=(tree,)) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(publication.version for publication in done) == [1, 2, 3]
    assert require_all_versions_whole(FolderStore(tmp_path)) == [1, 2, 3]
    assert latest_version(FolderStore(tmp_path)) == 3


def test_a_publisher_whose_number_is_taken_at_the_last_moment_takes_the_next(
    workspace: Workspace, one: StageResult, two: StageResult, tmp_path: Path
) -> None:
    class Overtaken(FolderStore):
        def put_if_absent(self, key: str, data: bytes) -> bool:
            if key.endswith("v0001.json"):
                push(two, workspace, FolderStore(tmp_path))
            return super().put_if_absent(key, data)

    done = push(one, workspace, Overtaken(tmp_path))
    assert (done.version, done.is_new) == (2, True)
    assert require_all_versions_whole(FolderStore(tmp_path)) == [1, 2]
    assert latest_version(FolderStore(tmp_path)) == 2


def test_a_publisher_whom_the_same_tree_overtakes_makes_no_version(
    workspace: Workspace, one: StageResult, tmp_path: Path
) -> None:
    class Overtaken(FolderStore):
        def put_if_absent(self, key: str, data: bytes) -> bool:
            if key.endswith("v0001.json"):
                push(one, workspace, FolderStore(tmp_path))
            return super().put_if_absent(key, data)

    done = push(one, workspace, Overtaken(tmp_path))
    assert (done.version, done.is_new) == (1, False)
    assert require_all_versions_whole(FolderStore(tmp_path)) == [1]
