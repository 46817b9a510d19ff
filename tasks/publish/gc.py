"""Removing what no version needs, in two steps a grace period apart.

A tree is garbage when no version names it, or only retired ones do. The first collection marks it;
one that comes a grace period later deletes it. A publisher that wants the tree meanwhile takes the
mark over, so that a publication under way and a collection never meet in one tree: to delete, the
mark must change hands by compare-and-swap, and to commit, the mark must not be a deletion's.
"""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import Field, ValidationError

from tasks.common.errors import WorldError
from tasks.common.progress import track
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore, Stored
from tasks.dataset.build import MANIFEST_NAME
from tasks.publish.records import Commit, StoreRecord, manifest_key
from tasks.publish.registry import Ledger, damaged

GRACE = timedelta(days=7)
_MAX_RACES = 50
_BATCH = 500
_ABANDONED = timedelta(hours=1)  # a deletion of which nothing was heard for so long was killed
Step = Literal["mark", "wait", "delete"]


class Mark(StoreRecord):
    """`gc/<tree>.json`: when a tree was found to be garbage, or wanted again, or is deleted."""

    state: Literal["garbage", "wanted", "deleting"]
    at: datetime
    # Two marks are never the same bytes, so a swap notices every change of hands.
    token: str = Field(default_factory=lambda: secrets.token_hex(8))


class Garbage(NamedTuple):
    """A tree or file that no version needs, and what the collection does with it now."""

    what: str
    why: str
    n_files: int
    n_bytes: int
    step: Step
    marked_at: datetime | None


def _mark_key(tree_id: str) -> str:
    return f"gc/{tree_id}.json"


def _read_mark(store: ObjectStore, key: str, data: bytes) -> Mark:
    try:
        return Mark.model_validate_json(data)
    except ValidationError as error:
        raise damaged(store, key) from error


def claim_tree(store: ObjectStore, tree_id: str, now: datetime) -> None:
    """Keep a collection from deleting a tree that is about to be used; costs one look mostly.

    Raises:
        WorldError: it is being deleted right now.
    """
    key = _mark_key(tree_id)
    for _ in range(_MAX_RACES):
        seen = store.get(key)
        if seen is None:
            return
        if _read_mark(store, key, seen).state == "deleting":
            break
        if store.swap(key, seen, Mark(state="wanted", at=now).encode()):
            return
    raise WorldError(
        "The files of an earlier publication of this very content are being deleted. Run the same "
        "again later. If that deletion was killed, `matteflow gc --delete` finishes it an hour "
        "after it began."
    )


def collect(
    ledger: Ledger, now: datetime, *, grace: timedelta = GRACE, delete: bool = False
) -> Iterator[Garbage]:
    """Yield what is garbage; with `delete` also mark it, or remove it.

    Manifests of retired versions stay: they say what the version was.
    """
    store = ledger.store
    versions = _Versions(ledger)
    needed, committed = versions.trees()
    trees = set(store.list_folders("trees/"))
    tables = {
        key.split("/")[1].removesuffix(".parquet") for key in store.list_objects("manifests/")
    }
    marked = {key.split("/")[1].removesuffix(".json") for key in store.list_objects("gc/")}
    unneeded = sorted((trees | (tables - committed.keys()) | marked) - needed)
    for tree_id in track(unneeded, "gc", len(unneeded)):
        files = store.list_objects(f"trees/{tree_id}/")
        # Some servers go on naming a folder that is empty.
        if files or tree_id in marked or tree_id in tables - committed.keys():
            commit = committed.get(tree_id)
            yield _collect_tree(versions, tree_id, files, commit, now, grace, delete)
    if delete:
        _forget_marks(store, sorted(marked & needed))
    if isinstance(store, FolderStore):
        yield from _collect_halves(store, now - grace, delete)


def _forget_marks(store: ObjectStore, tree_ids: Sequence[str]) -> None:
    """Remove the marks of trees that became versions, but none of a deletion under way."""
    for tree_id in tree_ids:
        key = _mark_key(tree_id)
        seen = store.get(key)
        if seen is not None and _read_mark(store, key, seen).state != "deleting":
            store.delete([key])


def describe_garbage(found: Sequence[Garbage], *, delete: bool) -> str:
    """Say in a sentence what was found and what became of it."""
    if not found:
        return "Nothing there that no version needs."
    n_bytes = dict.fromkeys(("mark", "wait", "delete"), 0)
    n_items = dict(n_bytes)
    for item in found:
        n_bytes[item.step] += item.n_bytes
        n_items[item.step] += 1
    words = {
        "mark": "marked" if delete else "to be marked",
        "wait": "waiting for the end of their grace",
        "delete": "deleted" if delete else "due to be deleted",
    }
    return (
        "Garbage: "
        + ", ".join(
            f"{n_items[step]} {word} ({n_bytes[step] / 1e6:.1f} MB)"
            for step, word in words.items()
            if n_items[step]
        )
        + "."
    )


class _Versions:
    """Which trees versions need; records are read again only when one came or went."""

    def __init__(self, ledger: Ledger):
        self.ledger = ledger
        self._seen: set[str] | None = None
        self._needed: set[str] = set()
        self._committed: dict[str, Commit] = {}

    def trees(self) -> tuple[set[str], dict[str, Commit]]:
        """Return the trees that a version needs, and a version of every tree that had one."""
        store = self.ledger.store
        there = {*store.list_objects("versions/"), *store.list_objects("retired/")}
        if there != self._seen:
            self._read()
            self._seen = there
        return self._needed, self._committed

    def _read(self) -> None:
        self._needed, self._committed = set(), {}
        for name in self.ledger.names():
            in_use = set(self.ledger.numbers_in_use(name))
            for commit in self.ledger.commits(name):
                self._committed[commit.tree] = commit
                self._needed |= {commit.tree} if commit.version in in_use else set()


def _collect_tree(
    versions: "_Versions",
    tree_id: str,
    files: dict[str, Stored],
    commit: Commit | None,
    now: datetime,
    grace: timedelta,
    delete: bool,
) -> Garbage:
    store, key = versions.ledger.store, _mark_key(tree_id)
    seen = store.get(key)
    mark = _read_mark(store, key, seen) if seen is not None else None
    wait = _ABANDONED if mark is not None and mark.state == "deleting" else grace
    is_due = mark is not None and now - mark.at >= wait
    step: Step = "mark" if mark is None else "delete" if is_due else "wait"
    found = Garbage(
        what=f"trees/{tree_id}/",
        why=f"{commit.label} is retired" if commit else "never became a version",
        n_files=len(files),
        n_bytes=sum(stored.size_bytes for stored in files.values()),
        step=step,
        marked_at=mark.at if mark else None,
    )
    if delete and step == "mark":
        store.put_if_absent(key, Mark(state="garbage", at=now).encode())
    elif delete and step == "delete":
        ours = _take_over(versions, tree_id, seen, now)
        if ours is None or not _delete_tree(store, tree_id, ours, keep_table=commit is not None):
            return found._replace(step="wait")
    return found


def _take_over(
    versions: "_Versions", tree_id: str, seen: bytes | None, now: datetime
) -> bytes | None:
    """Turn a due mark into that of a deletion of ours; None where the tree must not be deleted."""
    store, key = versions.ledger.store, _mark_key(tree_id)
    ours = Mark(state="deleting", at=now).encode()
    if not store.swap(key, seen, ours):
        return None  # a publisher wants it again, or another collection was faster
    if tree_id in versions.trees()[0]:  # became a version since we looked
        store.delete([key])
        return None
    return ours


def _delete_tree(store: ObjectStore, tree_id: str, ours: bytes, *, keep_table: bool) -> bool:
    """Delete a tree: first what calls it whole, last the mark, so that it can be gone on with.

    Before each batch the mark must still be ours: another collection that took us for killed may be
    through, and the tree published anew. Says whether all of it went.
    """
    keys = sorted(store.list_objects(f"trees/{tree_id}/"))
    first = [key for key in keys if key.endswith(f"/{MANIFEST_NAME}")]
    rest = [key for key in keys if key not in first]
    rest += [] if keep_table else [manifest_key(tree_id)]
    batches = [rest[start : start + _BATCH] for start in range(0, len(rest), _BATCH)]
    for batch in [first, *batches]:
        if store.get(_mark_key(tree_id)) != ours:
            return False
        store.delete(batch)
    store.delete([_mark_key(tree_id)])
    return True


def _collect_halves(store: FolderStore, before: datetime, delete: bool) -> Iterator[Garbage]:
    """Remove what writers left that were killed while they wrote."""
    for key, n_bytes in sorted(store.stale_uploads(before).items()):
        if delete:
            store.delete([key])
        yield Garbage(key, "its writer was killed", 1, n_bytes, "delete", None)
