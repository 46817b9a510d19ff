"""One version pulled where another lies, whole or half."""

from pathlib import Path

import pytest

from tasks.common.errors import WorldError
from tasks.common.schema.layout import MANIFEST
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.pull import Pulled, pull_version
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry
from tests.dataset.trees import NAME, push_samples
from tests.publish.local import files_in, published_files, require_sums
from tests.publish.wrappers import Breaks


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "data"


def _versions(workspace: Workspace, store: ObjectStore) -> list[Commit]:
    return [push_samples(workspace, store, *names) for names in ("ab", "bc", "cd")]


def _pull(store: ObjectStore, commit: Commit, here: Path) -> Pulled:
    return pull_version(VersionRegistry(store), commit, here)


def _break(store: ObjectStore, commit: Commit, here: Path, n_files: int) -> None:
    with pytest.raises(WorldError, match="The line is dead"):
        _pull(Breaks(store, n_files), commit, here)
    assert MANIFEST not in files_in(here / NAME)


def _require_exactly(store: ObjectStore, commit: Commit, here: Path) -> None:
    assert files_in(here / NAME) == published_files(store, commit)
    require_sums(here / NAME)


def test_files_of_the_version_before_are_removed(
    workspace: Workspace, any_store: ObjectStore, here: Path
) -> None:
    first, second, _ = _versions(workspace, any_store)
    _pull(any_store, first, here)
    # Sample c, the list and the card come; sample b stays; sample a goes.
    assert _pull(any_store, second, here) == Pulled(here / NAME, 4, 2, 2)
    _require_exactly(any_store, second, here)


def test_the_way_back_is_the_same(workspace: Workspace, any_store: ObjectStore, here: Path) -> None:
    first, _, third = _versions(workspace, any_store)
    for commit in (first, third, first):
        _pull(any_store, commit, here)
        _require_exactly(any_store, commit, here)


def test_folders_that_become_empty_are_removed(
    workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    first, second, _ = _versions(workspace, folder_store)
    _pull(folder_store, first, here)
    _pull(folder_store, second, here)
    folders = [path for path in (here / NAME).rglob("*") if path.is_dir()]
    assert [folder for folder in folders if not any(folder.iterdir())] == []


@pytest.mark.parametrize("n_files", [0, 2, 3])
@pytest.mark.parametrize("goal", [0, 1, 2], ids=["back", "on", "to a third"])
def test_a_change_of_versions_that_broke_off_can_end_at_any_version(
    goal: int, n_files: int, workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    commits = _versions(workspace, folder_store)
    _pull(folder_store, commits[0], here)
    _break(folder_store, commits[1], here, n_files)
    _pull(folder_store, commits[goal], here)
    _require_exactly(folder_store, commits[goal], here)


@pytest.mark.parametrize("n_files", [0, 2, 5])
def test_a_first_pull_that_broke_off_can_end_at_a_version_that_came_meanwhile(
    n_files: int, workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    first, second, _ = _versions(workspace, folder_store)
    _break(folder_store, first, here, n_files)
    _pull(folder_store, second, here)
    _require_exactly(folder_store, second, here)


def test_a_change_that_breaks_off_twice_forgets_nothing(
    workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    first, second, third = _versions(workspace, folder_store)
    _pull(folder_store, first, here)
    for commit in (second, third):
        _break(folder_store, commit, here, 0)
    _pull(folder_store, third, here)
    _require_exactly(folder_store, third, here)


def test_until_the_new_version_is_whole_no_file_of_the_old_one_goes(
    workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    first, second, _ = _versions(workspace, folder_store)
    _pull(folder_store, first, here)
    _break(folder_store, second, here, 3)
    left = files_in(here / NAME)
    assert (left["img_dir/train/a.jpg"], left["ann_dir/train/a.png"]) == (
        b"image of a",
        b"mask of a",
    )


def test_two_subsets_lie_beside_each_other(
    workspace: Workspace, any_store: ObjectStore, here: Path
) -> None:
    first = push_samples(workspace, any_store, "a")
    other = push_samples(workspace, any_store, "b", name=f"{NAME}-2")
    assert [_pull(any_store, commit, here).folder.name for commit in (first, other)] == [
        NAME, f"{NAME}-2",
    ]  # fmt: skip
    _require_exactly(any_store, first, here)
    assert files_in(here / f"{NAME}-2") == published_files(any_store, other)
