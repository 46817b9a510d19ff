"""Nothing that a store holds already is uploaded again."""

import json
from pathlib import Path

import pytest

from tasks.common.records import StageResult
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import (
    NAME,
    kept_tree,
    plain_samples,
    plain_tree,
    push,
    require_all_versions_whole,
)
from tests.publish.forge import put
from tests.publish.wrappers import Noting

OTHER = "CustomSeg_Person_20261122_other"
TWENTY = plain_samples(*(f"s{number:02d}" for number in range(20)))
CHANGED = TWENTY | {
    "img_dir/train/s07.jpg": b"another picture",
    "ann_dir/train/s07.png": b"another mask",
    "README.md": b"another card",
}


def _put_in_trees(store: Noting) -> list[str]:
    found = (key.partition(f"/{NAME}/") for key in store.put_keys if key.startswith("trees/"))
    return sorted(name for _, _, name in found)


def test_of_a_version_with_one_other_sample_only_that_is_uploaded(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = push(plain_tree(workspace, TWENTY), workspace, any_store)
    noting = Noting(any_store)
    second = push(plain_tree(workspace, CHANGED), workspace, noting)
    assert (first.n_uploaded, first.n_copied, first.n_present) == (43, 0, 0)
    assert (second.n_uploaded, second.n_copied, second.n_present) == (4, 39, 0)
    assert _put_in_trees(noting) == [
        "MANIFEST.sha256", "README.md", "ann_dir/train/s07.png", "img_dir/train/s07.jpg",
    ]  # fmt: skip
    assert require_all_versions_whole(any_store) == [1, 2]


def test_the_same_tree_again_makes_no_version(
    workspace: Workspace, one: StageResult, any_store: ObjectStore
) -> None:
    first, again = push(one, workspace, any_store), push(one, workspace, any_store)
    assert (again.version, again.is_new, again.tree_id) == (1, False, first.tree_id)
    assert (again.n_uploaded, again.n_copied, again.n_present) == (0, 0, first.n_files)
    assert list(any_store.list_objects(f"versions/{NAME}/")) == [f"versions/{NAME}/v0001.json"]


def test_the_same_tree_from_another_machine_makes_no_version(
    workspace: Workspace, one: StageResult, folder_store: FolderStore, tmp_path: Path
) -> None:
    push(one, workspace, folder_store)
    other = Workspace(tmp_path / "another machine")
    again = push(kept_tree(other, "a"), other, folder_store)
    assert (again.version, again.is_new, again.n_uploaded) == (1, False, 0)


def test_an_older_tree_again_is_a_new_version_without_an_upload(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    trees = [plain_tree(workspace, plain_samples(name)) for name in "aba"]
    done = [push(tree, workspace, any_store) for tree in trees]
    assert [publication.version for publication in done] == [1, 2, 3]
    assert (done[2].tree_id, done[2].n_uploaded, done[2].n_copied) == (done[0].tree_id, 0, 0)


def test_files_of_another_subset_are_copied(workspace: Workspace, any_store: ObjectStore) -> None:
    push(plain_tree(workspace, TWENTY), workspace, any_store, name=OTHER)
    done = push(plain_tree(workspace, TWENTY | {"README.md": b"own"}), workspace, any_store)
    assert (done.version, done.n_uploaded, done.n_copied, done.n_present) == (1, 2, 41, 0)
    assert require_all_versions_whole(any_store) == [1]


def test_a_file_of_the_version_before_the_last_is_copied(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    for names in ("a", "b"):
        push(plain_tree(workspace, plain_samples(*names)), workspace, folder_store)
    done = push(plain_tree(workspace, plain_samples("a", "b")), workspace, folder_store)
    assert (done.n_uploaded, done.n_copied) == (3, 4)  # list, card and digests are new


def test_a_file_that_left_the_version_before_is_uploaded_instead(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = push(plain_tree(workspace, plain_samples("a")), workspace, any_store)
    any_store.delete([f"trees/{first.tree_id}/{NAME}/img_dir/train/a.jpg"])
    done = push(plain_tree(workspace, plain_samples("a", "b")), workspace, any_store)
    assert (done.n_uploaded, done.n_copied) == (6, 1)


def test_a_version_whose_table_is_gone_is_no_source_and_no_hindrance(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first = push(plain_tree(workspace, plain_samples("a")), workspace, folder_store)
    folder_store.delete([f"manifests/{first.tree_id}.parquet"])
    done = push(plain_tree(workspace, plain_samples("a", "b")), workspace, folder_store)
    assert (done.version, done.n_uploaded, done.n_copied) == (2, 7, 0)


def test_unchanged_files_of_a_folder_are_one_file_with_two_names(
    workspace: Workspace, two: StageResult, folder_store: FolderStore
) -> None:
    first = push(two, workspace, folder_store)
    second = push(kept_tree(workspace, "a", "b", "c"), workspace, folder_store)
    record = json.loads(folder_store.get(f"versions/{NAME}/v0002.json") or b"")
    assert (second.version, second.is_new, record["parent"]) == (2, True, 1)
    # Linked: two images, three masks of equal bytes, the configuration, the empty
    # review list, the sides.
    assert (second.n_copied, second.n_uploaded, second.n_present) == (8, 11, 0)
    one, other = (folder_store.root / "trees" / done.tree_id / NAME for done in (first, second))
    for name in ("img_dir/train/street-a.jpg", "img_dir/train/street-b.jpg", "mmseg_config.py"):
        assert (one / name).samefile(other / name)
    masks = [(other / f"ann_dir/train/street-{name}.png").stat().st_ino for name in "abc"]
    assert masks == [(one / "ann_dir/train/street-a.png").stat().st_ino] * 3


@pytest.mark.parametrize("n_there", [1, 7, 42])
def test_what_an_earlier_attempt_brought_is_not_uploaded_again(
    n_there: int, workspace: Workspace, folder_store: FolderStore, tmp_path: Path
) -> None:
    tree = plain_tree(workspace, TWENTY)
    rehearsal = FolderStore(tmp_path / "rehearsal")
    tree_id = push(tree, workspace, rehearsal).tree_id
    for key in sorted(rehearsal.list_objects(f"trees/{tree_id}/"))[1 : n_there + 1]:
        put(folder_store, key, rehearsal.get(key) or b"")
    done = push(tree, workspace, folder_store)
    assert (done.n_uploaded, done.n_copied, done.n_present) == (43 - n_there, 0, n_there)
