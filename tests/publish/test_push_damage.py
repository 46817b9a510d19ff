"""Strangers, cut files and lost files in the store or the workspace."""

from pathlib import Path

import pytest

from tasks.common.artifacts import Workspace
from tasks.common.errors import ArtifactError, WorldError
from tasks.publish.folder_store import FolderStore
from tests.publish.trees import NAME, kept_tree, push


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.mark.parametrize("place", ["img_dir/train/stranger.jpg", "notes.txt", "img_dir/x/y/z"])
def test_a_stranger_in_the_tree_prevents_the_version(
    place: str, workspace: Workspace, store: FolderStore, tmp_path: Path
) -> None:
    tree = kept_tree(workspace, "a")
    tree_id = push(tree, workspace, FolderStore(tmp_path / "rehearsal")).tree_id
    store.put(f"trees/{tree_id}/{NAME}/{place}", b"stranger")
    with pytest.raises(WorldError, match=place):
        push(tree, workspace, store)
    assert (store.sizes("versions/"), store.sizes("channels/")) == ({}, {})


@pytest.mark.parametrize("is_known", [False, True], ids=["new file", "file of an earlier version"])
def test_a_cut_file_in_the_tree_is_mended(
    is_known: bool, workspace: Workspace, store: FolderStore, tmp_path: Path
) -> None:
    if is_known:
        push(kept_tree(workspace, "a"), workspace, store)
    tree = kept_tree(workspace, "a", "b")
    tree_id = push(tree, workspace, FolderStore(tmp_path / "rehearsal")).tree_id
    key = f"trees/{tree_id}/{NAME}/img_dir/train/street-a.jpg"
    store.put(key, b"cut")
    push(tree, workspace, store)
    assert store.sizes(f"trees/{tree_id}/")[key] > 3


def test_a_damaged_file_of_an_earlier_version_is_not_taken_over(
    workspace: Workspace, store: FolderStore
) -> None:
    first = push(kept_tree(workspace, "a"), workspace, store)
    name = f"{NAME}/img_dir/train/street-a.jpg"
    good = store.get(f"trees/{first.tree_id}/{name}")
    (store.root / "trees" / first.tree_id / name).write_bytes(b"cut")
    second = push(kept_tree(workspace, "a", "b"), workspace, store)
    assert store.get(f"trees/{second.tree_id}/{name}") == good


def test_a_file_that_changed_in_the_workspace_is_not_uploaded(
    workspace: Workspace, store: FolderStore
) -> None:
    tree = kept_tree(workspace, "a")
    (image,) = workspace.root.glob("publish/*/*/img_dir/train/street-a.jpg")
    image.write_bytes(image.read_bytes()[:-1] + b"!")
    with pytest.raises(ArtifactError, match=r"street-a\.jpg changed since it was made"):
        push(tree, workspace, store)
    assert store.sizes("versions/") == {}


def test_a_file_that_somebody_deleted_from_the_newest_version_is_put_back(
    workspace: Workspace, store: FolderStore
) -> None:
    tree = kept_tree(workspace, "a")
    first = push(tree, workspace, store)
    key = f"trees/{first.tree_id}/{NAME}/img_dir/train/street-a.jpg"
    good = store.get(key)
    (store.root / key).unlink()
    again = push(tree, workspace, store)
    assert (again.version, again.is_new, again.n_uploaded) == (1, False, 1)
    assert store.get(key) == good
