"""From a built tree to a committed version: every step may be cut short, and may be repeated."""

import json
from datetime import datetime
from importlib.metadata import version as code_version
from io import BytesIO
from typing import Any

import pandas as pd

from tasks.common.artifacts import Workspace
from tasks.common.errors import ArtifactError, WorldError
from tasks.common.files import digest_bytes
from tasks.common.progress import track
from tasks.common.records import Publication, StageResult
from tasks.common.tables import encode_table, plain_rows
from tasks.publish.folder_store import FolderStore
from tasks.publish.tree import MANIFEST_NAME

_TREE_ID_LENGTH = 32
_MAX_RACES = 50


def push_tree(
    tree: StageResult,
    name: str,
    workspace: Workspace,
    store: FolderStore,
    *,
    recipe_digest: str,
    now: datetime,
) -> Publication:
    """Publish a tree as the next version of `name`; the same tree again makes no version.

    Raises:
        WorldError: the store does not hold what was written to it.
    """
    table = workspace.items(tree)
    tree_id = _tree_id(table)
    newest = newest_version(store, name)
    prefix = f"trees/{tree_id}/{name}/"
    known = _known_files(store, newest)
    # Also for a version that is there already: what somebody deleted or cut short is mended.
    counts = _upload(table, prefix, workspace, store, known)
    _put_manifest(table, tree_id, recipe_digest, store)
    _require_whole(table, prefix, store)
    record = _record(table, name, tree_id, recipe_digest, now)
    committed, is_new = _commit(record, name, store)
    _move_channel(name, committed, store)
    return _publication(committed, store, is_new=is_new, counts=counts)


def _tree_id(table: pd.DataFrame) -> str:
    digest = table.loc[table["name"] == MANIFEST_NAME, "digest"].iloc[0]
    return str(digest)[:_TREE_ID_LENGTH]


def newest_version(store: FolderStore, name: str) -> dict[str, Any] | None:
    """Return the commit record with the highest number, or None before the first."""
    keys = [key for key in store.sizes(f"versions/{name}/") if key.endswith(".json")]
    data = store.get(max(keys, key=_number)) if keys else None
    return dict(json.loads(data)) if data else None


def _number(key: str) -> int:
    return int(key.rsplit("/v", 1)[1].removesuffix(".json"))


def _known_files(store: FolderStore, newest: dict[str, Any] | None) -> dict[str, str]:
    """Return, by sha256, where the newest version keeps its files, as far as they are whole."""
    data = store.get(f"manifests/{newest['tree']}.parquet") if newest else None
    if newest is None or data is None:
        return {}
    base = f"trees/{newest['tree']}/{newest['name']}/"
    rows, sizes = plain_rows(pd.read_parquet(BytesIO(data))), store.sizes(base)
    return {
        row["digest"]: base + row["name"]
        for row in rows
        if sizes.get(base + row["name"]) == row["size_bytes"]
    }


def _upload(
    table: pd.DataFrame,
    prefix: str,
    workspace: Workspace,
    store: FolderStore,
    known: dict[str, str],
) -> tuple[int, int, int]:
    """Bring every file into the store, the manifest last; count uploaded, linked, present."""
    present = store.sizes(prefix)
    uploaded = linked = skipped = 0
    for row in track(plain_rows(table), "upload", len(table)):
        key = prefix + row["name"]
        if present.get(key) == row["size_bytes"]:
            skipped += 1
        elif row["digest"] in known and store.copy(known[row["digest"]], key):
            linked += 1
        else:
            store.put(key, _bytes_of(row, workspace))
            uploaded += 1
    return uploaded, linked, skipped


def _bytes_of(row: dict[str, Any], workspace: Workspace) -> bytes:
    data = workspace.path(row["path"]).read_bytes()
    if digest_bytes(data) != row["digest"]:
        raise ArtifactError(f"{row['path']} changed since it was made; publish again.")
    return data


def _put_manifest(
    table: pd.DataFrame, tree_id: str, recipe_digest: str, store: FolderStore
) -> None:
    manifest = table.drop(columns="path").assign(
        recipe=recipe_digest, code=code_version("matteflow")
    )
    store.put_if_absent(f"manifests/{tree_id}.parquet", encode_table(manifest))


def _require_whole(table: pd.DataFrame, prefix: str, store: FolderStore) -> None:
    expected = {prefix + row["name"]: row["size_bytes"] for row in plain_rows(table)}
    there = store.sizes(prefix)
    if there != expected:
        odd = sorted(set(there.items()) ^ set(expected.items()))[:3]
        raise WorldError(
            f"The store does not hold the tree that was written ({len(there)} of {len(expected)} "
            f"files agree; first difference {odd}). Nothing was published; run it again."
        )


def _record(
    table: pd.DataFrame, name: str, tree_id: str, recipe_digest: str, now: datetime
) -> dict[str, Any]:
    images = table[table["name"].str.startswith("img_dir/")]
    sides = images["split"].value_counts()
    return {
        "name": name,
        "tree": tree_id,
        "n_samples": len(images),
        "n_train": int(sides.get("train", 0)),
        "n_val": int(sides.get("val", 0)),
        "n_files": len(table),
        "n_bytes": int(table["size_bytes"].sum()),
        "recipe": recipe_digest,
        "code": code_version("matteflow"),
        "committed_at": now.isoformat(timespec="seconds"),
    }


def _commit(record: dict[str, Any], name: str, store: FolderStore) -> tuple[dict[str, Any], bool]:
    """Put the record at the next free number; a lost race takes the number after it."""
    for _ in range(_MAX_RACES):
        newest = newest_version(store, name)
        if newest is not None and newest["tree"] == record["tree"]:
            return newest, False
        number = newest["version"] + 1 if newest else 1
        mine = record | {"version": number, "parent": number - 1 or None}
        data = json.dumps(mine, indent=1, sort_keys=True).encode()
        if store.put_if_absent(f"versions/{name}/v{number:04d}.json", data):
            return mine, True
    raise WorldError(f"{_MAX_RACES} other publishers were faster than this one; run it again.")


def _move_channel(name: str, committed: dict[str, Any], store: FolderStore) -> None:
    """Let `latest` point at this version, unless somebody has moved it past."""
    key = f"channels/{name}.json"
    for _ in range(_MAX_RACES):
        seen = store.get(key)
        channels = json.loads(seen) if seen else {}
        if channels.get("latest", 0) >= committed["version"]:
            return
        data = json.dumps(channels | {"latest": committed["version"]}, indent=1).encode()
        if store.swap(key, seen, data):
            return


def _publication(
    record: dict[str, Any], store: FolderStore, *, is_new: bool, counts: tuple[int, int, int]
) -> Publication:
    return Publication(
        name=record["name"],
        version=record["version"],
        tree_id=record["tree"],
        url=store.url(f"trees/{record['tree']}/{record['name']}"),
        is_new=is_new,
        n_samples=record["n_samples"],
        n_train=record["n_train"],
        n_val=record["n_val"],
        n_files=record["n_files"],
        n_bytes=record["n_bytes"],
        n_uploaded=counts[0],
        n_linked=counts[1],
        n_present=counts[2],
    )
