"""A version as local files: its bytes, brought once, and what is cut short gone on with."""

import subprocess
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
from tests.dataset.trees import NAME, kept_tree, push, push_samples
from tests.publish.local import files_in, published_files, require_sums
from tests.publish.wrappers import Breaks, Noting


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "data"


def _break(store: ObjectStore, commit: Commit, here: Path, n_files: int) -> None:
    with pytest.raises(WorldError, match="The line is dead"):
        pull_version(VersionRegistry(Breaks(store, n_files)), commit, here)


def test_a_version_is_pulled_byte_for_byte(
    workspace: Workspace, any_store: ObjectStore, here: Path
) -> None:
    for crops in ("a", "ab"):
        push(kept_tree(workspace, *crops), workspace, any_store)
    commit = VersionRegistry(any_store).resolve(NAME)
    done = pull_version(VersionRegistry(any_store), commit, here)
    assert done == Pulled(here / NAME, commit.n_files - 1, 0, 0)
    assert files_in(here / NAME) == published_files(any_store, commit)
    require_sums(here / NAME)


@pytest.mark.service
def test_the_tool_that_everybody_has_finds_it_whole(
    workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    push(kept_tree(workspace, "a"), workspace, folder_store)
    pull_version(VersionRegistry(folder_store), VersionRegistry(folder_store).resolve(NAME), here)
    check = ["sha256sum", "--check", "--strict", "--quiet", MANIFEST]
    done = subprocess.run(check, cwd=here / NAME, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_second_pull_fetches_nothing(
    workspace: Workspace, any_store: ObjectStore, here: Path
) -> None:
    commit = push_samples(workspace, any_store, "a", "b")
    pull_version(VersionRegistry(any_store), commit, here)
    noting = Noting(any_store)
    assert pull_version(VersionRegistry(noting), commit, here) == Pulled(here / NAME, 0, 6, 0)
    assert noting.fetched == []
    require_sums(here / NAME)


def test_only_what_is_missing_or_other_is_fetched(
    workspace: Workspace, any_store: ObjectStore, here: Path
) -> None:
    commit = push_samples(workspace, any_store, "a", "b")
    pull_version(VersionRegistry(any_store), commit, here)
    (here / NAME / "img_dir/train/a.jpg").unlink()
    (here / NAME / "README.md").write_bytes(b"")
    (here / NAME / "ann_dir/train/b.png").write_bytes(b"MASK OF B")
    noting = Noting(any_store)
    assert pull_version(VersionRegistry(noting), commit, here) == Pulled(here / NAME, 3, 3, 0)
    assert sorted(key.removeprefix(commit.prefix) for key in noting.fetched) == [
        "README.md", "ann_dir/train/b.png", "img_dir/train/a.jpg",
    ]  # fmt: skip
    assert files_in(here / NAME) == published_files(any_store, commit)


@pytest.mark.parametrize("n_files", [0, 1, 5])
def test_a_pull_that_broke_off_is_not_whole_and_is_gone_on_with(
    n_files: int, workspace: Workspace, any_store: ObjectStore, here: Path
) -> None:
    commit = push_samples(workspace, any_store, "a", "b")
    _break(any_store, commit, here, n_files)
    assert len(files_in(here / NAME).keys() - {".MANIFEST.before"}) == n_files
    assert MANIFEST not in files_in(here / NAME)
    done = pull_version(VersionRegistry(any_store), commit, here)
    assert (done.n_fetched, done.n_present) == (6 - n_files, n_files)
    require_sums(here / NAME)


def test_a_whole_folder_that_is_mended_is_not_whole_meanwhile(
    workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    pull_version(VersionRegistry(folder_store), commit, here)
    (here / NAME / "README.md").unlink()
    _break(folder_store, commit, here, 0)
    assert MANIFEST not in files_in(here / NAME)


def test_halves_of_a_killed_pull_are_removed(
    workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    halves = [".README.md.0a1b2c3d.part", "img_dir/train/.a.jpg.00000000.part"]
    for half in halves:
        (here / NAME / half).parent.mkdir(parents=True, exist_ok=True)
        (here / NAME / half).write_bytes(b"half")
    assert pull_version(VersionRegistry(folder_store), commit, here).n_removed == 2
    assert files_in(here / NAME) == published_files(folder_store, commit)


def test_a_list_of_digests_that_was_cut_here_is_written_anew(
    workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    pull_version(VersionRegistry(folder_store), commit, here)
    manifest = here / NAME / MANIFEST
    manifest.write_bytes(manifest.read_bytes()[:-70])
    assert pull_version(VersionRegistry(folder_store), commit, here).n_fetched == 0
    assert files_in(here / NAME) == published_files(folder_store, commit)


def test_pulling_changes_nothing_in_the_store(
    workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    before = folder_store.list_objects("")
    pull_version(VersionRegistry(folder_store), commit, here)
    assert folder_store.list_objects("") == before
