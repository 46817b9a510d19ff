"""From a tree to a version: numbers, parents, links, the channel."""

import json
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.common.artifacts import Workspace
from tasks.common.files import digest_bytes
from tasks.common.tables import plain_rows
from tasks.publish.folder_store import FolderStore
from tests.publish.builders import two_sources
from tests.publish.trees import NAME, NOW, kept_tree, push, tree_of


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def _json(store: FolderStore, key: str) -> dict[str, Any]:
    data = store.get(key)
    assert data is not None
    return dict(json.loads(data))


def _version(store: FolderStore, number: int) -> dict[str, Any]:
    return _json(store, f"versions/{NAME}/v{number:04d}.json")


def _names(store: FolderStore, tree_id: str) -> list[str]:
    prefix = f"trees/{tree_id}/{NAME}/"
    return [key.removeprefix(prefix) for key in store.sizes(prefix)]


def test_the_first_tree_becomes_the_first_version(workspace: Workspace, store: FolderStore) -> None:
    tree = tree_of(workspace, two_sources(workspace))
    done = push(tree, workspace, store)
    assert (done.version, done.is_new, done.n_samples, done.n_train, done.n_val) == (
        1,
        True,
        3,
        1,
        2,
    )
    assert (done.n_files, done.n_uploaded, done.n_linked, done.n_present) == (17, 17, 0, 0)
    assert done.n_bytes == sum(store.sizes(f"trees/{done.tree_id}/").values())


def test_the_commit_record_says_what_the_publication_says(
    workspace: Workspace, store: FolderStore
) -> None:
    done = push(kept_tree(workspace, "a"), workspace, store)
    record = _version(store, 1)
    told = ("name", "version", "n_samples", "n_train", "n_val", "n_files", "n_bytes")
    assert {name: record[name] for name in told} == {name: getattr(done, name) for name in told}
    assert (record["tree"], record["parent"], record["recipe"]) == (done.tree_id, None, "r")
    assert datetime.fromisoformat(record["committed_at"]) == NOW


def test_the_tree_is_named_by_its_manifest_and_stands_at_its_address(
    workspace: Workspace, store: FolderStore
) -> None:
    done = push(kept_tree(workspace, "a"), workspace, store)
    folder = Path(done.url.removeprefix("file://"))
    assert digest_bytes((folder / "MANIFEST.sha256").read_bytes())[:32] == done.tree_id
    assert folder.name == NAME


def test_the_manifest_table_accounts_for_every_file(
    workspace: Workspace, store: FolderStore
) -> None:
    done = push(tree_of(workspace, two_sources(workspace)), workspace, store)
    data = store.get(f"manifests/{done.tree_id}.parquet")
    assert data is not None
    rows = plain_rows(pd.read_parquet(BytesIO(data)))
    prefix = f"trees/{done.tree_id}/{NAME}/"
    for row in rows:
        there = store.get(prefix + row["name"])
        assert there is not None
        assert (digest_bytes(there), len(there)) == (row["digest"], row["size_bytes"])
    assert sorted(row["name"] for row in rows) == sorted(_names(store, done.tree_id))
    assert {(row["split"], row["scenes"], row["channel"]) for row in rows if row["split"]} == {
        ("train", '["street", "night"]', "rembg u2netp"),
        ("val", '["indoor"]', "rembg u2netp"),
    }


def test_the_same_tree_again_makes_no_version(workspace: Workspace, store: FolderStore) -> None:
    tree = kept_tree(workspace, "a")
    first, again = push(tree, workspace, store), push(tree, workspace, store)
    assert (again.version, again.is_new, again.tree_id) == (1, False, first.tree_id)
    assert (again.n_uploaded, again.n_linked, again.n_present) == (0, 0, first.n_files)
    assert list(store.sizes(f"versions/{NAME}/")) == [f"versions/{NAME}/v0001.json"]


def test_the_same_tree_from_another_machine_makes_no_version(
    workspace: Workspace, store: FolderStore, tmp_path: Path
) -> None:
    push(kept_tree(workspace, "a"), workspace, store)
    other = Workspace(tmp_path / "another machine")
    assert not push(kept_tree(other, "a"), other, store).is_new


def test_changed_content_is_a_version_on_top_whose_unchanged_files_are_linked(
    workspace: Workspace, store: FolderStore
) -> None:
    first = push(kept_tree(workspace, "a", "b"), workspace, store)
    second = push(kept_tree(workspace, "a", "b", "c"), workspace, store)
    assert (second.version, second.is_new, _version(store, 2)["parent"]) == (2, True, 1)
    # Linked: two images, three masks of equal bytes, the configuration, the empty review list.
    assert (second.n_linked, second.n_uploaded, second.n_present) == (7, 6, 0)
    for name in ("img_dir/train/street-a.jpg", "ann_dir/train/street-b.png", "mmseg_config.py"):
        one, other = (store.root / "trees" / done.tree_id / NAME for done in (first, second))
        assert (one / name).samefile(other / name)


def test_an_older_tree_again_is_a_new_version_without_an_upload(
    workspace: Workspace, store: FolderStore
) -> None:
    trees = kept_tree(workspace, "a"), kept_tree(workspace, "b"), kept_tree(workspace, "a")
    done = [push(tree, workspace, store) for tree in trees]
    assert [publication.version for publication in done] == [1, 2, 3]
    assert (done[2].tree_id, done[2].n_uploaded, done[2].n_linked) == (done[0].tree_id, 0, 0)


def test_what_was_committed_never_changes(workspace: Workspace, store: FolderStore) -> None:
    first = push(kept_tree(workspace, "a"), workspace, store)
    keys = [f"versions/{NAME}/v0001.json", *store.sizes(f"trees/{first.tree_id}/")]
    before = {key: store.get(key) for key in keys}
    push(kept_tree(workspace, "a", "b"), workspace, store)
    assert {key: store.get(key) for key in keys} == before


def test_the_channel_follows_the_newest_version(workspace: Workspace, store: FolderStore) -> None:
    for names in ("a", "ab"):
        push(kept_tree(workspace, *names), workspace, store)
    assert _json(store, f"channels/{NAME}.json") == {"latest": 2}


def test_the_channel_never_goes_back(workspace: Workspace, store: FolderStore) -> None:
    store.put(f"channels/{NAME}.json", b'{"latest": 7}')
    push(kept_tree(workspace, "a"), workspace, store)
    assert _json(store, f"channels/{NAME}.json") == {"latest": 7}


def test_other_channels_stay_where_they_are(workspace: Workspace, store: FolderStore) -> None:
    store.put(f"channels/{NAME}.json", b'{"stable": 1, "latest": 0}')
    push(kept_tree(workspace, "a"), workspace, store)
    assert _json(store, f"channels/{NAME}.json") == {"stable": 1, "latest": 1}


def test_versions_go_on_after_the_ten_thousandth(workspace: Workspace, store: FolderStore) -> None:
    for number in (9_999, 10_000):
        record = {"name": NAME, "tree": f"t{number}", "version": number}
        store.put(f"versions/{NAME}/v{number:04d}.json", json.dumps(record).encode())
    assert push(kept_tree(workspace, "a"), workspace, store).version == 10_001
