"""Bringing a tree into a store: what lies there stays, what another version has is copied."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.progress import track
from tasks.common.store.objects import Content, Stored, in_parallel
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.build import MANIFEST_NAME
from tasks.publish.records import Commit
from tasks.publish.registry import Ledger

Row = dict[str, Any]
_MAX_OWN_SOURCES = 10
_MAX_OTHER_SOURCES = 20
_SAMPLES = ("img_dir/", "ann_dir/")


def _content_of(row: Row) -> Content:
    """Return what a file of a table of files must hold."""
    return Content(row["size_bytes"], row["digest"], row.get("md5"))


def upload(
    rows: list[Row], prefix: str, workspace: Workspace, ledger: Ledger, name: str
) -> Counter[str]:
    """Bring every file into the store, the manifest last; count what was done how."""
    store = ledger.store
    present = store.list_objects(prefix)
    missing = {
        row["digest"] for row in rows if not is_there(row, present.get(prefix + row["name"]))
    }
    known = _known_files(missing, ledger, name, prefix)

    def bring(row: Row) -> str:
        key = prefix + row["name"]
        if is_there(row, present.get(key)):
            return "present"
        if row["digest"] in known and store.copy(known[row["digest"]], key, _content_of(row)):
            return "copied"
        store.put(key, _bytes_of(row, workspace), row["digest"])
        return "uploaded"

    done: Counter[str] = Counter()
    waiting = [in_parallel(bring, group, store) for group in _in_order(rows)]
    results = (result for group in waiting for result in group)
    done.update(track(results, "upload", len(rows)))
    return done


def is_there(row: Row, stored: Stored | None) -> bool:
    """Say whether nothing in a listing speaks against a file of the tree lying there."""
    return stored is not None and stored.may_hold(_content_of(row))


def _in_order(rows: Iterable[Row]) -> list[list[Row]]:
    """Samples first, then lists and cards, then the manifest: what names others comes after."""
    groups: list[list[Row]] = [[], [], []]
    for row in rows:
        is_sample = row["name"].startswith(_SAMPLES)
        groups[0 if is_sample else 2 if row["name"] == MANIFEST_NAME else 1].append(row)
    return groups


def _known_files(missing: set[str], ledger: Ledger, name: str, prefix: str) -> dict[str, str]:
    """Return, by sha256, where versions other than this tree keep files that are missing in it."""
    found: dict[str, str] = {}
    for commit in _earlier(ledger, name):
        if missing <= found.keys():
            break
        if commit.prefix == prefix:
            continue
        with suppress(ArtifactError):  # `verify` is the one to tell of a damaged table
            for row in ledger.files(commit) or ():
                if row["digest"] in missing:
                    found.setdefault(row["digest"], commit.prefix + row["name"])
    return found


def _earlier(ledger: Ledger, name: str) -> Iterable[Commit]:
    """Yield versions that may share files: this subset's, newest first, then the others' newest."""
    own = ledger.numbers_in_use(name)[-_MAX_OWN_SOURCES:]
    for number in reversed(own):
        commit = ledger.commit(name, number)
        if commit is not None:
            yield commit
    others = [other for other in reversed(ledger.names()) if other != name]
    for other in others[:_MAX_OTHER_SOURCES]:
        commit = ledger.newest(other)
        if commit is not None:
            yield commit


def _bytes_of(row: Row, workspace: Workspace) -> bytes:
    data = workspace.path(row["path"]).read_bytes()
    if digest_bytes(data) != row["digest"]:
        raise ArtifactError(f"{row['path']} changed since it was made; publish again.")
    return data
