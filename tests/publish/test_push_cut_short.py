"""Whatever is killed when: a version is there whole or not at all, and the next run completes."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.common.artifacts import Workspace
from tasks.common.records import StageResult
from tasks.publish.folder_store import FolderStore
from tests.publish.trees import kept_tree, latest_version, push, require_all_versions_whole


class _Killed(BaseException):
    """Like a signal, it passes every `except Exception`."""


class _Mortal(FolderStore):
    """Dies at the k-th write, before the write or just after it; notes what was put."""

    def __init__(self, root: Path, dies_at: int | None = None, *, after: bool = False):
        super().__init__(root)
        self.n_writes = 0
        self.was_put: Counter[str] = Counter()
        self._dies_at, self._after = dies_at, after

    def _write(self, write: Callable[[], Any]) -> Any:
        self.n_writes += 1
        if self.n_writes == self._dies_at and not self._after:
            raise _Killed
        done = write()
        if self.n_writes == self._dies_at:
            raise _Killed
        return done

    def put(self, key: str, data: bytes) -> None:
        self.was_put[key] += 1
        self._write(lambda: FolderStore.put(self, key, data))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        return bool(self._write(lambda: FolderStore.put_if_absent(self, key, data)))

    def copy(self, source: str, target: str) -> bool:
        return bool(self._write(lambda: FolderStore.copy(self, source, target)))


@pytest.fixture(scope="module")
def other(workspace: Workspace) -> StageResult:
    return kept_tree(workspace, "c")


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


MOMENT = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


def _start(root: Path, trees: list[StageResult], workspace: Workspace) -> None:
    for tree in trees:
        push(tree, workspace, FolderStore(root))


def _kill(root: Path, at: int, after: bool, tree: StageResult, workspace: Workspace) -> _Mortal:
    store = _Mortal(root, at, after=after)
    with pytest.raises(_Killed):
        push(tree, workspace, store)
    return store


def test_the_writes_of_a_publication_are_as_many_as_are_killed_below(
    workspace: Workspace, one: StageResult, two: StageResult, tmp_path: Path
) -> None:
    counts = []
    for tree in (one, two):
        store = _Mortal(tmp_path)
        push(tree, workspace, store)
        counts.append(store.n_writes)
    assert counts == [max(FIRST), max(SECOND)]


# Files of the tree, manifest table, commit record, channel.
FIRST = range(1, 9 + 3 + 1)
SECOND = range(1, 11 + 3 + 1)


@MOMENT
@pytest.mark.parametrize("at", FIRST)
class TestKilledInTheFirstVersion:
    def test_a_version_is_there_whole_or_not_at_all(
        self, at: int, after: bool, workspace: Workspace, one: StageResult, tmp_path: Path
    ) -> None:
        store = _kill(tmp_path, at, after, one, workspace)
        committed = at > max(FIRST) - 1 or (after and at == max(FIRST) - 1)
        assert require_all_versions_whole(store) == ([1] if committed else [])

    def test_the_next_run_completes_and_puts_only_what_is_missing(
        self, at: int, after: bool, workspace: Workspace, one: StageResult, tmp_path: Path
    ) -> None:
        killed = _kill(tmp_path, at, after, one, workspace)
        there = set(killed.sizes("trees/"))
        again = _Mortal(tmp_path)
        done = push(one, workspace, again)
        assert require_all_versions_whole(again) == [1]
        assert done.version == 1
        put = {key for key in again.was_put if key.startswith("trees/")}
        assert put == set(again.sizes("trees/")) - there
        assert done.n_uploaded == len(put)

    def test_the_next_run_moves_the_channel(
        self, at: int, after: bool, workspace: Workspace, one: StageResult, tmp_path: Path
    ) -> None:
        _kill(tmp_path, at, after, one, workspace)
        push(one, workspace, FolderStore(tmp_path))
        assert latest_version(FolderStore(tmp_path)) == 1


@MOMENT
@pytest.mark.parametrize("at", SECOND)
class TestKilledInTheSecondVersion:
    def test_the_channel_points_at_a_whole_version(
        self, at: int, after: bool, workspace: Workspace, one: StageResult, two: StageResult,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        _start(tmp_path, [one], workspace)
        store = _kill(tmp_path, at, after, two, workspace)
        assert latest_version(store) in require_all_versions_whole(store)

    def test_the_next_run_completes(
        self, at: int, after: bool, workspace: Workspace, one: StageResult, two: StageResult,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        _start(tmp_path, [one], workspace)
        _kill(tmp_path, at, after, two, workspace)
        done = push(two, workspace, FolderStore(tmp_path))
        assert done.version == 2
        assert require_all_versions_whole(FolderStore(tmp_path)) == [1, 2]

    def test_another_tree_can_be_published_instead(
        self, at: int, after: bool, workspace: Workspace, one: StageResult, two: StageResult,
        other: StageResult, tmp_path: Path,
    ) -> None:  # fmt: skip
        _start(tmp_path, [one], workspace)
        _kill(tmp_path, at, after, two, workspace)
        done = push(other, workspace, FolderStore(tmp_path))
        store = FolderStore(tmp_path)
        assert require_all_versions_whole(store)[-1] == latest_version(store) == done.version
