"""A folder with the promises of an object store: whole objects, put-if-absent, compare-and-swap."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.common.files import sync_folder

_LOCK = ".lock"
_STAGING = ".incoming"


class FolderStore:
    """Objects are files under `root`, named by keys with slashes."""

    def __init__(self, root: Path):
        self.root = root

    def url(self, key: str) -> str:
        """Return the address of a key, for people and other programs."""
        return (self.root / key).as_uri()

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the size in bytes of every object under a prefix that ends with a slash."""
        base = self.root / prefix
        return {
            str(path.relative_to(self.root)): path.stat().st_size
            for path in base.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }

    def get(self, key: str) -> bytes | None:
        """Return the bytes of an object, or None when there is none."""
        try:
            return (self.root / key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Write an object, whole or not at all, and wait until it is on the disk."""
        with self._staged() as temporary:
            _write_through(temporary, data)
            self._move(temporary, key)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write an object only if there is none; say whether it was written."""
        target = self._place(key)
        with self._staged() as temporary:
            _write_through(temporary, data)
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
        sync_folder(target.parent)
        return True

    def copy(self, source: str, target: str) -> bool:
        """Give an object a second key without moving bytes; say whether the source was there."""
        with self._staged() as temporary:
            try:
                os.link(self.root / source, temporary)
            except FileNotFoundError:
                return False
            self._move(temporary, target)
        return True

    def _move(self, temporary: Path, key: str) -> None:
        target = self._place(key)
        # Renaming one hard link over another of the same file is a no-op that leaves both names;
        # the staging name is then removed by `_staged`.
        temporary.replace(target)
        sync_folder(target.parent)

    def _place(self, key: str) -> Path:
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    @contextmanager
    def _staged(self) -> Iterator[Path]:
        """Yield a name outside every published folder, where a killed writer's half file stays."""
        folder = self.root / _STAGING
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / secrets.token_hex(8)
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def swap(self, key: str, expected: bytes | None, data: bytes) -> bool:
        """Replace an object only if it still holds what the caller saw; say whether it did."""
        with self._locked():
            if self.get(key) != expected:
                return False
            self.put(key, data)
            return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _write_through(path: Path, data: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
