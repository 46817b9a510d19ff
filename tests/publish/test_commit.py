"""From a tree to a version: what the store holds then, and what the publication says of it."""

import json
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.common.files import digest_bytes
from tasks.common.records import StageResult
from tasks.common.schema.tables import plain_rows
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.builders import two_sources
from tests.dataset.trees import NAME, NOW, kept_tree, push, tree_of
from tests.publish.wrappers import Noting


@pytest.fixture(scope="module")
def mixed(workspace: Workspace) -> StageResult:
    return tree_of(workspace, two_sources(workspace))


def _json(store: ObjectStore, key: str) -> dict[str, Any]:
    return dict(json.loads(store.get(key) or b""))


def test_the_first_tree_becomes_the_first_version(
    workspace: Workspace, mixed: StageResult, any_store: ObjectStore
) -> None:
    done = push(mixed, workspace, any_store)
    assert (done.name, done.version, done.is_new) == (NAME, 1, True)
    assert (done.n_samples, done.n_train, done.n_val) == (3, 1, 2)
    assert (done.n_files, done.n_uploaded, done.n_copied, done.n_present) == (23, 23, 0, 0)
    there = any_store.list_objects(f"trees/{done.tree_id}/{NAME}/")
    assert (len(there), sum(stored.size_bytes for stored in there.values())) == (23, done.n_bytes)


def test_the_commit_record_says_what_the_publication_says(
    workspace: Workspace, one: StageResult, folder_store: FolderStore
) -> None:
    done = push(one, workspace, folder_store, recipe_digest="abc")
    record = _json(folder_store, f"versions/{NAME}/v0001.json")
    told = ("name", "version", "n_samples", "n_train", "n_val", "n_files", "n_bytes")
    assert {name: record[name] for name in told} == {name: getattr(done, name) for name in told}
    assert (record["tree"], record["parent"], record["recipe"]) == (done.tree_id, None, "abc")
    assert datetime.fromisoformat(record["committed_at"]) == NOW


def test_the_record_is_the_same_bytes_whatever_the_fraction_of_the_second(
    workspace: Workspace, one: StageResult, folder_store: FolderStore, tmp_path: Path
) -> None:
    other = FolderStore(tmp_path / "other")
    push(one, workspace, folder_store)
    push(one, workspace, other, now=NOW.replace(microsecond=123_456))
    key = f"versions/{NAME}/v0001.json"
    assert folder_store.get(key) == other.get(key)


def test_the_tree_is_named_by_its_manifest(
    workspace: Workspace, one: StageResult, any_store: ObjectStore
) -> None:
    done = push(one, workspace, any_store)
    prefix = f"trees/{done.tree_id}/{NAME}/"
    manifest = any_store.get(f"{prefix}MANIFEST.sha256")
    assert manifest is not None
    assert digest_bytes(manifest)[:32] == done.tree_id
    assert done.url == any_store.url(prefix.rstrip("/"))


def test_the_tree_stands_at_its_address(
    workspace: Workspace, one: StageResult, folder_store: FolderStore
) -> None:
    folder = Path(push(one, workspace, folder_store).url.removeprefix("file://"))
    assert folder.name == NAME
    assert sorted(path.name for path in folder.iterdir()) == [
        "CHANGELOG.md", "MANIFEST.sha256", "README.md", "ann_dir", "dataset.json", "figures",
        "groups.json", "img_dir", "mmseg_config.py", "report.html", "review.csv", "samples.csv",
        "split_dir", "splits.json",
    ]  # fmt: skip


def test_the_manifest_table_accounts_for_every_file(
    workspace: Workspace, mixed: StageResult, any_store: ObjectStore
) -> None:
    done = push(mixed, workspace, any_store, recipe_digest="abc")
    data = any_store.get(f"manifests/{done.tree_id}.parquet")
    assert data is not None
    rows = plain_rows(pd.read_parquet(BytesIO(data)))
    prefix = f"trees/{done.tree_id}/{NAME}/"
    told = {prefix + row["name"]: (row["digest"], row["size_bytes"]) for row in rows}
    there = {key: any_store.get(key) or b"" for key in any_store.list_objects(prefix)}
    assert told == {key: (digest_bytes(held), len(held)) for key, held in there.items()}
    assert {(row["split"], row["scenes"], row["channel"]) for row in rows if row["split"]} == {
        ("train", '["night", "street"]', "rembg u2netp"),
        ("val", '["indoor"]', "rembg u2netp"),
    }
    assert {row["recipe"] for row in rows} == {"abc"}
    assert [name for name in rows[0] if "path" in name] == []  # where it lay is nobody's business


def _phase(key: str) -> str:
    place, _, rest = key.partition("/")
    if place != "trees":
        return place
    name = rest.split("/", 2)[2]
    folder = name.split("/")[0]
    return "samples" if folder in ("img_dir", "ann_dir") else (
        "list of digests" if name == "MANIFEST.sha256" else "lists and cards")  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [pytest.param(("ab",), id="first version"), pytest.param(("a", "ab"), id="with copies")],
)
def test_what_names_others_is_written_after_them(
    names: tuple[str, ...], workspace: Workspace, any_store: ObjectStore
) -> None:
    noting = Noting(any_store)
    for crops in names:
        noting.written.clear()
        push(kept_tree(workspace, *crops), workspace, noting)
    phases = [_phase(key) for key in noting.written if key != ".probe"]
    assert [phase for number, phase in enumerate(phases) if phase not in phases[:number]] == [
        "samples", "lists and cards", "list of digests", "manifests", "versions", "channels",
    ]  # fmt: skip
    assert phases == sorted(phases, key=phases.index)  # none begins before the one before has ended
    assert [phases.count(phase) for phase in set(phases) - {"samples", "lists and cards"}] == [
        1
    ] * 4


def test_what_was_committed_never_changes(
    workspace: Workspace, one: StageResult, two: StageResult, folder_store: FolderStore
) -> None:
    first = push(one, workspace, folder_store)
    keys = [f"versions/{NAME}/v0001.json", *folder_store.list_objects(f"trees/{first.tree_id}/")]
    before = {key: folder_store.get(key) for key in keys}
    push(two, workspace, folder_store)
    assert {key: folder_store.get(key) for key in keys} == before
