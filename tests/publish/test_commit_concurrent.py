"""Several publishers at once, at the moments that hurt most, and readers beside them."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tasks.common.errors import WorldError
from tasks.common.records import Publication, StageResult
from tasks.common.store.address import open_store
from tasks.common.store.folder import INCOMING, FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import NOW, kept_tree, push
from tests.publish.states import look, whole
from tests.publish.wrappers import Around, Overtaken


class _OvertakenAtCommit(Around):
    """Lets something happen just before the first records are put, as often as `n_times`."""

    def __init__(self, inner: ObjectStore, meanwhile: Callable[[], Any], n_times: int = 1):
        super().__init__(inner)
        self._meanwhile, self._n_left = meanwhile, n_times

    def put_if_absent(self, key: str, data: bytes) -> bool:
        if key.startswith("versions/") and self._n_left:
            self._n_left -= 1
            self._meanwhile()
        return self.inner.put_if_absent(key, data)


def test_a_half_written_object_is_never_in_a_published_folder(
    workspace: Workspace, one: StageResult, folder_store: FolderStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    seen = list[str]()

    def look_around(_: int) -> None:
        seen.extend(p.name for p in folder_store.root.glob("[!.]*/**/*") if p.is_file())

    monkeypatch.setattr(os, "fsync", look_around)
    push(one, workspace, folder_store)
    assert len(seen) > 0
    assert [name for name in seen if "." not in name or name.startswith(".")] == []
    assert list((folder_store.root / INCOMING).iterdir()) == []


def test_publishers_in_threads_of_different_trees_all_get_a_version(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    trees = [kept_tree(workspace, name) for name in "abc"]
    start, done = threading.Barrier(len(trees)), list[Publication]()

    def publish(tree: StageResult) -> None:
        start.wait()
        done.append(push(tree, workspace, any_store))

    threads = [threading.Thread(target=publish, args=(tree,)) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.sort(key=lambda told: told.version)
    assert look(any_store) == whole(*(told.tree_id for told in done))
    assert [told.version for told in done] == [1, 2, 3]


def test_a_publisher_whose_number_is_taken_at_the_last_moment_takes_the_next(
    workspace: Workspace, one: StageResult, two: StageResult, any_store: ObjectStore
) -> None:
    others = list[Publication]()
    late = _OvertakenAtCommit(
        any_store, lambda: others.append(push(two, workspace, any_store, now=NOW))
    )
    done = push(one, workspace, late)
    assert (done.version, done.is_new) == (2, True)
    assert look(any_store) == whole(others[0].tree_id, done.tree_id)


def test_a_publisher_whom_the_same_tree_overtakes_makes_no_version(
    workspace: Workspace, one: StageResult, any_store: ObjectStore
) -> None:
    earlier = NOW - timedelta(minutes=1)
    late = _OvertakenAtCommit(any_store, lambda: push(one, workspace, any_store, now=earlier))
    done = push(one, workspace, late)
    assert (done.version, done.is_new, done.n_present) == (1, False, 0)
    assert look(any_store) == whole(done.tree_id)


def test_a_publisher_whom_the_same_tree_and_then_another_overtakes_commits_on_top(
    workspace: Workspace, one: StageResult, two: StageResult, folder_store: FolderStore
) -> None:
    earlier = NOW - timedelta(minutes=1)

    def overtake() -> None:
        push(one, workspace, folder_store, now=earlier)
        push(two, workspace, folder_store, now=earlier)

    done = push(one, workspace, _OvertakenAtCommit(folder_store, overtake))
    assert (done.version, done.is_new) == (3, True)
    state = look(folder_store)
    assert (state.trees[0], state.latest, state.problems) == (state.trees[2], 3, ())


def test_a_publisher_whom_others_overtake_all_the_time_gives_up_without_a_version(
    workspace: Workspace, one: StageResult, two: StageResult, folder_store: FolderStore
) -> None:
    other = kept_tree(workspace, "c")
    turns = [two, other] * 30

    def overtake() -> None:
        push(turns.pop(), workspace, folder_store)

    unlucky = _OvertakenAtCommit(folder_store, overtake, n_times=60)
    with pytest.raises(WorldError, match="50 other publishers were faster"):
        push(one, workspace, unlucky)
    assert (len(look(folder_store).trees), len(turns)) == (50, 10)


def test_the_channel_does_not_go_back_when_a_later_version_moved_it_first(
    workspace: Workspace, one: StageResult, two: StageResult, any_store: ObjectStore
) -> None:
    late = Overtaken(any_store, "channels/", lambda: push(two, workspace, any_store))
    done = push(one, workspace, late)
    assert (done.version, done.is_new) == (1, True)
    state = look(any_store)
    assert (len(state.trees), state.latest, state.problems) == (2, 2, ())


def test_each_store_that_opens_the_same_address_sees_what_the_others_committed(
    workspace: Workspace, one: StageResult, store_address: str
) -> None:
    done = [push(one, workspace, open_store(store_address)) for _ in range(2)]
    assert [(told.version, told.is_new) for told in done] == [(1, True), (1, False)]
