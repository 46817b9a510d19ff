"""A workspace in a bucket, with local copies of the files that this machine used."""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tasks.common.files import digest_bytes, require_writable, write_file
from tasks.common.store.objects import ObjectStore, in_parallel
from tasks.common.workspace.backend import FIX, Writes, move_file, remove_unfinished

_PROBE = ".probe"
_IN_USE_S = 3600.0  # longer than any task holds a path before it opens the file


class BucketBackend:
    """A bucket that machines share, with local copies in `root` of what this machine used.

    Files are named by content, so a copy is never out of date. Files that change are read with
    `read`, which bypasses the copies.
    """

    def __init__(self, root: Path, store: ObjectStore):
        self.root = root
        self._store = store
        # One pool for all artifacts of the process, so that many small stages share the
        # connections.
        self._senders = ThreadPoolExecutor(store.n_connections, thread_name_prefix="workspace")

    def url(self, relative: str) -> str:
        """Return the URL of a file, for people."""
        return self._store.url(relative)

    def path(self, relative: str) -> Path:
        """Return the local copy, which is fetched if it is missing."""
        local = self.root / relative
        if local.exists():
            with suppress(OSError):  # `trim` of another process removed it: opening it will fail
                local.touch()  # the modification time is the time of last use, for `trim`
        else:
            self._fetch(relative, local)
        return local

    def _fetch(self, relative: str, local: Path) -> None:
        local.parent.mkdir(parents=True, exist_ok=True)
        # Under a temporary name: another thread must not read a half-fetched copy.
        temporary = local.with_name(f".{local.name[:100]}.{secrets.token_hex(6)}.part")
        try:
            if self._store.fetch(relative, temporary):
                temporary.replace(local)
        finally:
            temporary.unlink(missing_ok=True)

    def read(self, relative: str) -> bytes | None:
        """Return a file's bytes as the bucket has them now, or None."""
        return self._store.get(relative)

    def write(
        self, relative: str, data: bytes, later: Writes | None = None, *, durable: bool = False
    ) -> None:
        """Write a file to the bucket, which is durable without `later`, and a local copy."""
        # The copy first: `_send` reads it, and the writer itself is the next to need it.
        write_file(self.root / relative, data)
        if later is None:
            self._store.put(relative, data, digest_bytes(data))
        else:  # sent from the file, so that waiting uploads hold no memory
            later.append(self._senders.submit(self._send, relative, digest_bytes(data)))

    def _send(self, relative: str, digest: str) -> None:
        self._store.put_file(relative, self.root / relative, digest)

    def move_in(self, relative: str, file: Path, digest: str) -> None:
        """Send a finished file to the bucket, then keep it as the local copy."""
        # The bucket first: a failed upload then leaves the file where the retry finds it.
        self._store.put_file(relative, file, digest)
        move_file(file, self.root / relative)

    def remove(self, relatives: Iterable[str]) -> None:
        """Remove files from the bucket, and their local copies."""
        paths = list(relatives)
        # The bucket first: with the copies alone gone, this machine would fetch the file again.
        self._store.delete(paths)
        for relative in paths:
            (self.root / relative).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        """Return the files under a folder of the bucket, sorted."""
        return sorted(self._store.list_objects(f"{folder.rstrip('/')}/" if folder else ""))

    def are_stored(self, relatives: Sequence[str], sizes: Mapping[str, int]) -> bool:
        """List the bucket, once per folder: far fewer requests than one per file."""
        folders = sorted({relative.rpartition("/")[0] for relative in relatives})
        listings = in_parallel(
            lambda folder: self._store.list_objects(f"{folder}/"), folders, self._store
        )
        stored = {key: entry.size_bytes for listing in listings for key, entry in listing.items()}
        return all(_is_as_written(stored.get(name, 0), sizes.get(name)) for name in relatives)

    def has_copy(self, relative: str) -> bool:
        """Say whether there is a local copy."""
        return (self.root / relative).exists()

    def discard_copy(self, relative: str) -> bool:
        """Remove the local copy; the bucket has the file."""
        (self.root / relative).unlink(missing_ok=True)
        return True

    def trim(self, max_bytes: int) -> int:
        """Remove the least recently used copies beyond a size, but none used within an hour.

        A task may hold the path of a copy and open the file much later.
        """
        files = [path for path in self.root.rglob("*") if path.is_file()]
        copies = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in files)
        excess = sum(size for _, size, _ in copies) - max_bytes
        removed = 0
        # Oldest first, so the first that is in use ends the walk.
        for used_at, size, path in copies:
            if removed >= excess or used_at > time.time() - _IN_USE_S:
                break
            path.unlink(missing_ok=True)
            removed += size
        return removed

    def remove_leftovers(self, older_than_s: float) -> int:
        """Remove unfinished files, and copies of files that the bucket does not have any more."""
        n_removed = remove_unfinished(self.root, older_than_s)
        there = set(self.names(""))
        for path in [path for path in self.root.rglob("*") if path.is_file()]:
            # A fresh copy may be on its way to the bucket.
            is_old = time.time() - path.stat().st_mtime >= older_than_s
            if path.relative_to(self.root).as_posix() not in there and is_old:
                path.unlink(missing_ok=True)
                n_removed += 1
        return n_removed

    def probe(self) -> None:
        """Write a file to the bucket, and one to the folder of copies."""
        require_writable(self.root, "The local copy of the workspace", FIX)
        self._store.list_folders("")  # first: some servers create a missing bucket on put
        self._store.put(_PROBE, b"", digest_bytes(b""))


def _is_as_written(size: int, expected: int | None) -> bool:
    # No file of an artifact is empty, so 0 bytes mean a write that failed.
    return size > 0 and expected in (None, size)
