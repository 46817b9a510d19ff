"""Strangers, cut files and lost files in the store or the workspace."""

from pathlib import Path

import pytest

from tasks.common.errors import ArtifactError, InputError
from tasks.common.records import StageResult
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.records import manifest_key
from tasks.publish.registry import VersionRegistry
from tasks.publish.verify import verify_version
from tests.dataset.trees import (
    NAME,
    kept_tree,
    plain_samples,
    plain_tree,
    push,
    push_samples,
    require_all_versions_whole,
)
from tests.publish.forge import put


@pytest.fixture
def one_id(workspace: Workspace, one: StageResult, tmp_path: Path) -> str:
    return push(one, workspace, FolderStore(tmp_path / "rehearsal")).tree_id


@pytest.mark.parametrize("place", ["img_dir/train/stranger.jpg", "notes.txt", "img_dir/x/y/z"])
def test_a_stranger_in_the_tree_prevents_the_version(
    place: str, workspace: Workspace, one: StageResult, one_id: str, any_store: ObjectStore
) -> None:
    put(any_store, f"trees/{one_id}/{NAME}/{place}", b"stranger")
    with pytest.raises(InputError, match=rf"1 files lie in .* such as .*/{place}\. Nothing was"):
        push(one, workspace, any_store)
    assert any_store.list_objects("versions/") == any_store.list_objects("channels/") == {}


def test_without_the_stranger_the_version_is_published(
    workspace: Workspace, one: StageResult, one_id: str, any_store: ObjectStore
) -> None:
    stranger = f"trees/{one_id}/{NAME}/notes.txt"
    put(any_store, stranger, b"stranger")
    with pytest.raises(InputError, match="do not belong there"):
        push(one, workspace, any_store)
    any_store.delete([stranger])
    done = push(one, workspace, any_store)
    assert (done.version, done.n_uploaded, done.n_present) == (1, 0, done.n_files)


@pytest.mark.parametrize("is_known", [False, True], ids=["new file", "file of an earlier version"])
def test_a_cut_file_in_the_tree_is_mended(
    is_known: bool, workspace: Workspace, any_store: ObjectStore, tmp_path: Path
) -> None:
    if is_known:
        push_samples(workspace, any_store, "a")
    rehearsed = push_samples(workspace, FolderStore(tmp_path / "rehearsal"), "a", "b")
    key = f"{rehearsed.prefix}img_dir/train/a.jpg"
    put(any_store, key, b"cut")
    push_samples(workspace, any_store, "a", "b")
    assert any_store.get(key) == b"image of a"
    assert require_all_versions_whole(any_store) == ([1, 2] if is_known else [1])


def test_a_damaged_file_of_an_earlier_version_is_not_taken_over(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = push_samples(workspace, any_store, "a")
    put(any_store, f"{first.prefix}img_dir/train/a.jpg", b"image of z")  # as long as the right one
    second = push_samples(workspace, any_store, "a", "b")
    assert any_store.get(f"{second.prefix}img_dir/train/a.jpg") == b"image of a"


def test_a_file_that_changed_in_the_workspace_is_not_uploaded(
    any_store: ObjectStore, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    tree = kept_tree(workspace, "a")
    (image,) = workspace.root.glob("dataset/*/*/img_dir/train/street-a.jpg")
    image.write_bytes(image.read_bytes()[:-1] + b"!")
    with pytest.raises(ArtifactError, match=r"street-a\.jpg changed since the tree was built"):
        push(tree, workspace, any_store)
    assert any_store.list_objects("versions/") == {}


def test_a_file_that_somebody_deleted_from_the_newest_version_is_put_back(
    workspace: Workspace, one: StageResult, any_store: ObjectStore
) -> None:
    first = push(one, workspace, any_store)
    key = f"trees/{first.tree_id}/{NAME}/img_dir/train/street-a.jpg"
    good = any_store.get(key)
    any_store.delete([key])
    again = push(one, workspace, any_store)
    assert (again.version, again.is_new, again.n_uploaded) == (1, False, 1)
    assert any_store.get(key) == good


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(None, id="gone"),
        pytest.param(b"PAR1 no table PAR1", id="garbled"),
    ],
)
def test_a_lost_table_of_files_is_put_back_with_the_same_content(
    damage: bytes | None, workspace: Workspace, any_store: ObjectStore
) -> None:
    commit = push_samples(workspace, any_store, "a")
    any_store.delete([manifest_key(commit.tree)])
    if damage is not None:
        put(any_store, manifest_key(commit.tree), damage)
    push(plain_tree(workspace, plain_samples("a")), workspace, any_store)
    assert list(verify_version(VersionRegistry(any_store), commit)) == []


@pytest.mark.parametrize("name", [NAME, f"{NAME}-other"], ids=["own", "of another subset"])
def test_a_garbled_table_of_an_earlier_version_does_not_stop_the_next(
    name: str, workspace: Workspace, folder_store: FolderStore
) -> None:
    commit = push_samples(workspace, folder_store, "a", name=name)
    put(folder_store, manifest_key(commit.tree), b"PAR1 no table PAR1")
    done = push(plain_tree(workspace, plain_samples("a", "b")), workspace, folder_store)
    assert (done.version, done.is_new, done.n_uploaded) == (2 if name == NAME else 1, True, 7)
