"""An object store in a folder: whole objects, put-if-absent, compare-and-swap."""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from tasks.common.files import digest_file, sync_folder
from tasks.common.store.folder_errors import explained
from tasks.common.store.objects import Content, Stored

INCOMING = ".incoming"  # staged files; hidden, so that listings skip them
_LOCK = ".lock"
# See `_create`: each lost try means that a `delete` removed the folder in between.
_TRIES = 50
_READ_ONLY = 0o444  # an editor that saves over one version would change all that share the file
# What file systems without hard links answer (FAT, many network mounts), or at too many links.
_LINKLESS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error  # os.walk swallows errors by default; an unreadable folder must not look empty


def _make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, and wait until each is on the disk.

    Otherwise a power cut could lose the folder of an object that was reported as written.
    """
    missing = []
    for level in (folder, *folder.parents):
        if level.is_dir():
            break
        missing.append(level)
    folder.mkdir(parents=True, exist_ok=True)
    for level in reversed(missing):
        sync_folder(level.parent)


class FolderStore:
    """Objects are read-only files under `root`, named by keys with slashes.

    Equal files of several versions share one inode if the file system has hard links.
    """

    def __init__(self, root: Path, n_connections: int = 4):
        self.root = root
        self.n_connections = n_connections

    def url(self, key: str) -> str:
        """Return the URI of a key."""
        return (self.root / key).as_uri()

    def list_objects(self, prefix: str) -> dict[str, Stored]:
        """Return every object under a prefix that ends with a slash."""
        objects: dict[str, Stored] = {}
        with explained(self.root):
            for folder, _, names in os.walk(self.root / prefix, onerror=_raise_unless_gone):
                # Hidden files are staged or locks, never objects.
                for path in (Path(folder, name) for name in names if not name.startswith(".")):
                    with suppress(FileNotFoundError):  # removed since it was listed
                        objects[str(path.relative_to(self.root))] = Stored(path.stat().st_size)
        return objects

    def list_folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly under `prefix`, sorted."""
        with explained(self.root), suppress(FileNotFoundError, NotADirectoryError):
            return sorted(path.name for path in (self.root / prefix).iterdir() if path.is_dir())
        return []

    def get(self, key: str) -> bytes | None:
        """Return the bytes of an object, or None when there is none."""
        with explained(self.root), suppress(*_ABSENT):
            return (self.root / key).read_bytes()
        return None

    def fetch(self, key: str, target: Path) -> bool:
        """Copy an object's bytes to a new local file; say whether there was one."""
        # In memory at once: objects of a store are pictures and tables, see docs/decisions/0008.
        data = self.get(key)
        if data is None:
            return False
        with target.open("xb") as stream:
            stream.write(data)
        return True

    def put(self, key: str, data: bytes, sha256: str = "") -> None:
        """Write an object atomically, and wait until it is on the disk."""
        with explained(self.root), self._staged(data) as temporary:
            self._move(temporary, key)

    def put_file(self, key: str, path: Path, sha256: str = "") -> None:
        """Write the bytes of a local file as an object."""
        with explained(self.root), path.open("rb") as source, self._staged(source) as temporary:
            self._move(temporary, key)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write an object only if there is none; say whether it was written.

        A hard link is the atomic test-and-set of a file system: `link` fails if the name exists,
        while `rename` replaces silently. The staged file is complete before it gets its name.
        """
        with explained(self.root), self._staged(data) as temporary:
            try:
                self._create(key, lambda target: os.link(temporary, target))
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _LINKLESS:
                    raise
                return self._move_if_absent(temporary, key)
            return True

    def _move_if_absent(self, temporary: Path, key: str) -> bool:
        """Do the same as `put_if_absent` on file systems without hard links, under the lock."""
        with self._locked():
            if (self.root / key).exists():
                return False
            self._move(temporary, key)
            return True

    def copy(self, source: str, target: str, content: Content) -> bool:
        """Give an object a second name; False without hard links or if the bytes differ."""
        origin = self.root / source
        with explained(self.root), self._staging_name() as temporary:
            try:
                if digest_file(origin) != content.sha256:  # damage must not spread to new versions
                    return False
                os.link(origin, temporary)
            except _ABSENT:
                return False
            except OSError as error:
                if error.errno not in _LINKLESS:
                    raise
                return False
            self._move(temporary, target)
            return True

    def swap(self, key: str, expected: bytes | None, data: bytes) -> bool:
        """Replace an object only if it still holds `expected`; say whether it did.

        Compare-and-swap. A file system has no atomic "replace if equal", so every swap takes the
        one lock of the store around its read and its write. `flock` belongs to the open file: the
        kernel releases it when the process dies, so a killed publisher blocks no other. Readers
        need no lock: a write is one rename.
        """
        if expected is None:
            return self.put_if_absent(key, data)
        # Other writers of swapped objects come through here too, or through `put_if_absent`, which
        # never replaces.
        with explained(self.root), self._locked():
            if self.get(key) != expected:
                return False
            self.put(key, data)
            return True

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, and the folders that become empty."""
        with explained(self.root):
            for key in keys:
                with suppress(*_ABSENT):
                    (self.root / key).unlink()
                if not key.startswith("."):  # writers expect the folder of staged files to exist
                    self._prune(key)

    def _prune(self, key: str) -> None:
        with suppress(OSError):  # the first folder that is not empty ends the walk up
            # From the deepest up to, but without, the root itself.
            for folder in Path(key).parents[:-1]:
                (self.root / folder).rmdir()

    def probe(self) -> None:
        """Write and remove a file: permission bits say nothing about full disks."""
        with explained(self.root), self._staged(b"probe"):
            pass

    def stale_uploads(self, before: datetime) -> dict[str, int]:
        """Return the staged files that killed writers left before a time, with their sizes."""
        stale = {}
        with explained(self.root):
            for path in (self.root / INCOMING).glob("*"):
                with suppress(FileNotFoundError):
                    status = path.stat()
                    # ctime, not mtime: a new link to an old file keeps the old mtime.
                    if datetime.fromtimestamp(status.st_ctime, UTC) < before:
                        stale[f"{INCOMING}/{path.name}"] = status.st_size
        return stale

    def _move(self, temporary: Path, key: str) -> None:
        # Renaming one hard link over another of the same file is a no-op that leaves both names;
        # the staging name is then removed by `_staging_name`.
        self._create(key, temporary.replace)

    def _create(self, key: str, act: Callable[[Path], object]) -> None:
        """Call `act` with the path of a key; it creates the file there.

        A concurrent `delete` removes empty folders, perhaps between `mkdir` and `act`. So a missing
        folder means: create it and try again. `delete` finishes, so it cannot win every time.
        """
        target = self.root / key
        for n_left in reversed(range(_TRIES)):
            try:
                _make_folder(target.parent)
                act(target)
                sync_folder(target.parent)
            except (FileNotFoundError, FileExistsError):
                if not n_left or target.exists() or target.parent.is_file():
                    raise
            else:
                return

    @contextmanager
    def _staged(self, data: bytes | BinaryIO) -> Iterator[Path]:
        """Yield a durable, read-only file that holds `data`, outside every published folder."""
        with self._staging_name() as temporary:
            with temporary.open("xb") as stream:
                shutil.copyfileobj(BytesIO(data) if isinstance(data, bytes) else data, stream)
                stream.flush()
                # Before the rename, so that no reader ever sees a writable object.
                os.fchmod(stream.fileno(), _READ_ONLY)
                os.fsync(stream.fileno())
            yield temporary

    @contextmanager
    def _staging_name(self) -> Iterator[Path]:
        folder = self.root / INCOMING
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / secrets.token_hex(8)
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / _LOCK).open("w") as lock:
            # Waits: holders do a read and a write, no network.
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
