"""Garbage collection: trees that no version in use references are deleted, after a grace period.

A tree is unreferenced when no version names it, or only retired ones do. The first collection puts
a tombstone; one that comes a grace period later deletes the tree. `tombstones` describes how
publications and collections exclude each other.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from tasks.common.progress import track
from tasks.common.schema.layout import MANIFEST
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore, Stored
from tasks.publish.records import Commit, manifest_key
from tasks.publish.registry import VersionRegistry
from tasks.publish.tombstones import Tombstone, read_tombstone, tombstone_key

# Longer than any publication takes from its last lease to its commit: the one interval that no
# compare-and-swap covers (docs/decisions/0009).
GRACE = timedelta(days=7)
# Files deleted between two looks at the tombstone: few enough that a collection which lost it stops
# soon, many enough that the look costs little. (S3 takes up to 1000 keys a request.)
_BATCH = 500
_ABANDONED = timedelta(hours=1)  # after it a deletion counts as killed
Step = Literal["mark", "wait", "delete"]


class Unreferenced(NamedTuple):
    """A tree or file that no version needs, and what the collection does with it now.

    `marked_at` is when the tombstone was put, None without one.
    """

    what: str
    why: str
    n_files: int
    n_bytes: int
    step: Step
    marked_at: datetime | None


def collect(
    registry: VersionRegistry, now: datetime, *, grace: timedelta = GRACE, delete: bool = False
) -> Iterator[Unreferenced]:
    """Yield what is unreferenced; with `delete` also mark it, or remove it.

    The tables of files of retired versions stay: they say what the version was.
    """
    store = registry.store
    versions = _Versions(registry)
    # Versions before trees. A tree that becomes a version in between looks unneeded here; at worst
    # it gets a tombstone, which the next collection drops. `_take_over` reads the versions again.
    needed, committed = versions.trees()
    trees = set(store.list_folders("trees/"))
    tables = {
        key.split("/")[1].removesuffix(".parquet") for key in store.list_objects("manifests/")
    }
    marked = {key.split("/")[1].removesuffix(".json") for key in store.list_objects("gc/")}
    # Three ways to be garbage: files without a version, a table whose tree never became one, and a
    # tombstone whose deletion was killed after the last file.
    unneeded = sorted((trees | (tables - committed.keys()) | marked) - needed)
    for tree_id in track(unneeded, "gc", len(unneeded)):
        files = store.list_objects(f"trees/{tree_id}/")
        # Some servers go on naming a folder that is empty.
        if files or tree_id in marked or tree_id in tables - committed.keys():
            commit = committed.get(tree_id)
            yield _collect_tree(versions, tree_id, files, commit, now, grace, delete)
    if delete:
        _drop_tombstones(store, sorted(marked & needed))
    # A bucket has no unfinished files: an upload there is one request (docs/decisions/0008).
    if isinstance(store, FolderStore):
        yield from _collect_orphaned_uploads(store, now - grace, delete)


def _drop_tombstones(store: ObjectStore, tree_ids: Sequence[str]) -> None:
    """Remove the tombstones of trees that became versions, but none of a deletion under way."""
    # A plain delete is enough. Should such a version be retired and its tree be due at this moment,
    # the deletion misses its tombstone and stops, and the next collection starts again.
    for tree_id in tree_ids:
        key = tombstone_key(tree_id)
        data = store.get(key)
        if data is not None and read_tombstone(store, key, data).state != "deleting":
            store.delete([key])


def describe_unreferenced(items: Sequence[Unreferenced], *, delete: bool) -> str:
    """Return a sentence with counts and sizes, by what the collection did."""
    if not items:
        return "Every file is needed by a version."
    n_bytes = dict.fromkeys(("mark", "wait", "delete"), 0)
    n_items = dict(n_bytes)
    for item in items:
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

    def __init__(self, registry: VersionRegistry):
        self.registry = registry
        self._keys: set[str] | None = None
        self._needed: set[str] = set()
        self._committed: dict[str, Commit] = {}

    def trees(self) -> tuple[set[str], dict[str, Commit]]:
        """Return the trees that a version needs, and a version of every tree that had one."""
        store = self.registry.store
        # Records never change, so their names say whether anything did: two listings per tree
        # instead of a read of every record. The listing comes before the reads, so a record that is
        # put in between counts as new the next time.
        keys = {*store.list_objects("versions/"), *store.list_objects("retired/")}
        if keys != self._keys:
            self._read()
            self._keys = keys
        return self._needed, self._committed

    def _read(self) -> None:
        self._needed, self._committed = set(), {}
        for name in self.registry.names():
            # A damaged record raises here and ends the collection: what it needs is unknown, so
            # nothing may be deleted.
            in_use = set(self.registry.numbers_in_use(name))
            for commit in self.registry.commits(name):
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
) -> Unreferenced:
    store, key = versions.registry.store, tombstone_key(tree_id)
    data = store.get(key)
    tombstone = read_tombstone(store, key, data) if data is not None else None
    # A lease waits for a whole grace period too, counted from its own date.
    wait = _ABANDONED if tombstone is not None and tombstone.state == "deleting" else grace
    is_due = tombstone is not None and now - tombstone.at >= wait
    step: Step = "mark" if tombstone is None else "delete" if is_due else "wait"
    item = Unreferenced(
        what=f"trees/{tree_id}/",
        why=f"{commit.label} is retired" if commit else "never became a version",
        n_files=len(files),
        n_bytes=sum(stored.size_bytes for stored in files.values()),
        step=step,
        marked_at=tombstone.at if tombstone else None,
    )
    if delete and step == "mark":
        # If absent: another collection may have been faster, and its date must stay.
        store.put_if_absent(key, Tombstone(state="garbage", at=now).encode())
    elif delete and step == "delete":
        own = _take_over(versions, tree_id, data, now)
        if own is None or not _delete_tree(store, tree_id, own, keep_table=commit is not None):
            return item._replace(step="wait")
    return item


def _take_over(
    versions: "_Versions", tree_id: str, due: bytes | None, now: datetime
) -> bytes | None:
    """Turn a due tombstone into that of this deletion; None where the tree must not be deleted."""
    store, key = versions.registry.store, tombstone_key(tree_id)
    own = Tombstone(state="deleting", at=now).encode()
    if not store.swap(key, due, own):
        return None  # a publisher leased it, or another collection was faster
    # Since the versions were read, a publisher may have leased the tree and committed a version,
    # and its lease may have expired. From the swap on no publisher gets a lease, so what is read
    # after it is final.
    if tree_id in versions.trees()[0]:
        store.delete([key])
        return None
    return own


def delete_now(registry: VersionRegistry, tree_id: str, now: datetime) -> bool:
    """Delete a tree that no version in use needs, without a grace period; say whether it is gone.

    For erasures only. A tree that a publisher leased within an hour, or that another deletion is at
    work on, stays, and so does one that became a version.
    """
    store, key = registry.store, tombstone_key(tree_id)
    store.put_if_absent(key, Tombstone(state="garbage", at=now).encode())
    data = store.get(key)
    if data is None:
        return False
    tombstone = read_tombstone(store, key, data)
    if tombstone.state != "garbage" and now - tombstone.at < _ABANDONED:
        return False
    versions = _Versions(registry)
    own = _take_over(versions, tree_id, data, now)
    is_known = tree_id in versions.trees()[1]
    return own is not None and _delete_tree(store, tree_id, own, keep_table=is_known)


def _delete_tree(store: ObjectStore, tree_id: str, own: bytes, *, keep_table: bool) -> bool:
    """Delete a tree: first the manifest, so that it is not whole, last the tombstone.

    Killed in between, the tombstone lets another collection finish. Before each batch the tombstone
    must still be `own`: another collection may have taken this one for killed and finished, and the
    tree may have been published again. Returns whether all of it was deleted.
    """
    # Listed again: files may have come since the first listing, of a publisher that then lost its
    # lease.
    keys = sorted(store.list_objects(f"trees/{tree_id}/"))
    first = [key for key in keys if key.endswith(f"/{MANIFEST}")]
    rest = [key for key in keys if key not in first]
    # The table of a retired version stays for `diff`; one of a tree that was never a version goes.
    rest += [] if keep_table else [manifest_key(tree_id)]
    batches = [rest[start : start + _BATCH] for start in range(0, len(rest), _BATCH)]
    for batch in [first, *batches]:
        if store.get(tombstone_key(tree_id)) != own:
            return False
        store.delete(batch)
    store.delete([tombstone_key(tree_id)])
    return True


def _collect_orphaned_uploads(
    store: FolderStore, before: datetime, delete: bool
) -> Iterator[Unreferenced]:
    """Remove the unfinished files of killed writers."""
    for key, n_bytes in sorted(store.stale_uploads(before).items()):
        if delete:
            store.delete([key])
        yield Unreferenced(key, "its writer was killed", 1, n_bytes, "delete", None)
