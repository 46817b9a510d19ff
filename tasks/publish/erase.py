"""Erasure in a store: trees that are out of use go at once, and their tables keep no name.

A version in use never changes, so it is named with the files that hold the person. Once it is
retired the next erasure removes it. Commit records hold counts and digests only.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any, NamedTuple

import pyarrow as pa

from tasks.common.digests import content_key
from tasks.common.files import digest_bytes
from tasks.common.schema.columns import columns_of
from tasks.common.schema.layout import is_of_sample
from tasks.common.schema.provenance import Provenance
from tasks.common.schema.tables import encode_table, read_table
from tasks.common.store.objects import in_parallel
from tasks.common.workspace.erase import Searched
from tasks.common.workspace.needles import ERASED, Needles
from tasks.publish.gc import delete_now
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry

_RECORDS = ("versions/", "retired/", "channels/", "gc/", "takedowns/")
_ID_LENGTH = 12


class Holding(NamedTuple):
    """A version in use that holds the person, and one of its files that does."""

    label: str
    n_files: int
    example: str


class StoreErasure(NamedTuple):
    """What an erasure did in a store: trees deleted, tables without names, versions that remain.

    `busy` are trees that a publication or a collection is at work on.
    """

    n_trees: int
    n_tables: int
    holding: tuple[Holding, ...]
    busy: tuple[str, ...]


def erase_from_store(
    registry: VersionRegistry, needles: Needles, salt: str, now: datetime
) -> StoreErasure:
    """Delete every tree out of use that holds the person, and take the names out of its table."""
    store, in_use = registry.store, _in_use(registry)
    n_trees, holding, busy = 0, list[Holding](), list[str]()
    for tree_id in store.list_folders("trees/"):
        files = _files_with(registry, tree_id, needles)
        if not files:
            continue
        if tree_id in in_use:
            holding += [Holding(c.label, len(files), files[0]) for c in in_use[tree_id]]
        elif delete_now(registry, tree_id, now):
            n_trees += 1
        else:
            busy.append(tree_id)
    tables = [
        key
        for key in sorted(store.list_objects("manifests/"))
        if key.partition("/")[2].removesuffix(".parquet") not in in_use
    ]
    n_tables = sum(_scrub(registry, key, needles, salt) for key in tables)
    return StoreErasure(n_trees, n_tables, tuple(holding), tuple(busy))


def search_store(registry: VersionRegistry, needles: Needles) -> list[Searched]:
    """Search the store once more; files of versions in use are those that `holding` names."""
    store, in_use = registry.store, _in_use(registry)
    found: list[str] = []
    trees = store.list_folders("trees/")
    unused = [tree_id for tree_id in trees if tree_id not in in_use]
    for tree_id in unused:
        found += _files_with(registry, tree_id, needles)
    searched = [Searched("store: trees out of use", len(unused), tuple(found))]
    for prefix in ("manifests/", *_RECORDS):
        keys = [
            key
            for key in sorted(store.list_objects(prefix))
            if key.partition("/")[2].removesuffix(".parquet") not in in_use
        ]
        held = [
            key for key in keys if needles.name(key) or needles.are_in_file(key, store.get(key))
        ]
        searched.append(Searched(f"store: {prefix.rstrip('/')}", len(keys), tuple(held)))
    return searched


def _in_use(registry: VersionRegistry) -> dict[str, list[Commit]]:
    """Return the versions in use, by their trees."""
    commits: dict[str, list[Commit]] = {}
    for name in registry.names():
        numbers = set(registry.numbers_in_use(name))
        for commit in registry.commits(name):
            if commit.version in numbers:
                commits.setdefault(commit.tree, []).append(commit)
    return commits


def _files_with(registry: VersionRegistry, tree_id: str, needles: Needles) -> list[str]:
    """Return the files of a tree that name the person: by their names, or in their text."""
    store = registry.store
    keys = sorted(store.list_objects(f"trees/{tree_id}/"))
    named = [key for key in keys if needles.name(key)]
    texts = [key for key in keys if not is_of_sample(key.split("/", 3)[-1]) and key not in named]
    holds = in_parallel(lambda key: needles.are_in_file(key, store.get(key)), texts, store)
    return named + [key for key, is_held in zip(texts, holds, strict=True) if is_held]


def _scrub(registry: VersionRegistry, key: str, needles: Needles, salt: str) -> bool:
    """Replace the names in the table of a tree that is out of use; say whether there were some.

    Sizes and digests stay: they say what the version was, and show nobody.
    """
    data = registry.store.get(key)
    if data is None or not needles.are_in_file(key, data):
        return False
    try:
        table = read_table(BytesIO(data))
    except (OSError, ValueError, pa.ArrowException):  # of no use to anybody
        registry.store.delete([key])
        return True
    rows = [_without_names(row, needles, salt) for row in table.to_pylist()]
    clean = encode_table(pa.Table.from_pylist(rows, table.schema))
    registry.store.put(key, clean, digest_bytes(clean))
    return True


def _without_names(row: dict[str, Any], needles: Needles, salt: str) -> dict[str, Any]:
    if not any(isinstance(value, str) and needles.are_in(value) for value in row.values()):
        return row
    folder, _, file = str(row["name"]).rpartition("/")
    stem, _, suffix = file.rpartition(".")
    name = (
        f"{folder}/{ERASED}-{_hashed(salt, stem)}.{suffix}" if is_of_sample(row["name"]) else file
    )
    gone = dict.fromkeys(columns_of(Provenance)) | {"licence": None, "scenes": None}
    source = row.get("source_id")
    own = {"name": name, "source_id": source and f"{ERASED}-{_hashed(salt, source)}"}
    return {column: (gone | own).get(column, row[column]) for column in row}


def _hashed(salt: str, name: str) -> str:
    return content_key(salt, name)[:_ID_LENGTH]


def describe_holding(holding: Iterable[Holding]) -> Sequence[str]:
    """Return a sentence and a command for each version in use that holds the person."""
    return [
        f"{held.label} holds it in {held.n_files} files, such as {held.example}: "
        f"`matteflow retire {held.label} --reason takedown`, then this erasure once more."
        for held in holding
    ]
