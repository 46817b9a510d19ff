"""What a store holds, read byte by byte and without the registry's own reading.

Who looks again and again at a server passes what he has `seen`: an object is read once only while
the server lists it with the same size and MD5. A folder lists no MD5, so its files are always read.
"""

import json
import shutil
from io import BytesIO
from typing import NamedTuple

import pandas as pd

from tasks.common.files import digest_bytes
from tasks.common.schema.layout import MANIFEST
from tasks.common.schema.tables import plain_rows
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore, Stored
from tests.dataset.trees import NAME

Snapshot = dict[str, bytes]
Seen = dict[tuple[str, Stored], str]  # digests by key and listing


class State(NamedTuple):
    """The trees of the versions from the first, what `latest` stands for, and what is wrong."""

    trees: tuple[str, ...]
    latest: int
    problems: tuple[str, ...]


def whole(*trees: str) -> State:
    """Return the state of a store with exactly these versions, nothing wrong with any."""
    return State(trees, len(trees), ())


def look(store: ObjectStore, seen: Seen | None = None) -> State:
    """Read every byte of every version of `NAME`, except what was seen."""
    seen = {} if seen is None else seen
    keys = sorted(store.list_objects(f"versions/{NAME}/"))
    records = [json.loads(store.get(key) or b"") for key in keys]
    expected = [f"versions/{NAME}/v{number:04d}.json" for number in range(1, len(keys) + 1)]
    problems = [] if keys == expected else [f"the numbers have gaps: {keys}"]
    for number, record in enumerate(records, 1):
        if (record["version"], record["parent"]) != (number, number - 1 or None):
            problems.append(f"version {number} says of itself {record}")
        problems += [f"v{number} {problem}" for problem in _problems(store, record, seen)]
    channels = json.loads(store.get(f"channels/{NAME}.json") or b"{}")
    latest = channels.get("latest", {"version": 0})["version"]
    return State(tuple(record["tree"] for record in records), latest, tuple(problems))


def _problems(store: ObjectStore, record: dict[str, object], seen: Seen) -> list[str]:
    """Compare a version's files with its list of digests, and that with the name of its tree."""
    prefix = f"trees/{record['tree']}/{NAME}/"
    manifest = store.get(prefix + MANIFEST) or b""
    if digest_bytes(manifest)[: len(str(record["tree"]))] != record["tree"]:
        return ["has another list of digests than the one that named its tree"]
    lines = (line.partition("  ") for line in manifest.decode().splitlines())
    promised = {name: digest for digest, _, name in lines}
    promised[MANIFEST] = digest_bytes(manifest)
    listed = store.list_objects(prefix).items()
    there = {key.removeprefix(prefix): _digest(store, key, stored, seen) for key, stored in listed}
    odd = sorted(name for name, _ in there.items() ^ promised.items())
    table = store.get(f"manifests/{record['tree']}.parquet")
    rows = plain_rows(pd.read_parquet(BytesIO(table))) if table else []
    agrees = {row["name"]: row["digest"] for row in rows} == promised
    return [
        *([f"is not whole: {odd}"] if odd else []),
        *([] if agrees else ["has a table of files that says something else"]),
        *([] if record["n_files"] == len(promised) else ["counts other files"]),
    ]


def _digest(store: ObjectStore, key: str, stored: Stored, seen: Seen) -> str:
    if stored.md5 is None or (key, stored) not in seen:
        seen[key, stored] = digest_bytes(store.get(key) or b"")
    return seen[key, stored]


def take_snapshot(store: ObjectStore) -> Snapshot:
    """Return all that a store holds."""
    return {key: store.get(key) or b"" for key in store.list_objects("")}


def rewind(store: ObjectStore, snapshot: Snapshot) -> None:
    """Make a store hold what it held, presuming that only channels change."""
    if isinstance(store, FolderStore):
        shutil.rmtree(store.root, ignore_errors=True)
    there = store.list_objects("")
    store.delete(there.keys() - snapshot.keys())
    for key, data in snapshot.items():
        if key not in there or key.startswith("channels/"):
            store.put(key, data, digest_bytes(data))
