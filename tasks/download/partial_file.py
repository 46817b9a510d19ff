"""A download that is not finished: bytes on this machine, and what must hold to go on with them."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from tasks.common.errors import SourceError, WorldError
from tasks.common.settings import Settings

_MEGABYTE = 1 << 20


class PartFile:
    """A file that grows at its end.

    `validator` is the server's name for these very bytes (a strong ETag or a date), None if it
    gave none: then they cannot be gone on with. It is noted beside the file.
    """

    def __init__(self, path: Path, max_bytes: int, settings: Settings):
        self.path = path
        self.validator: str | None = None
        self._notes = _notes_of(path)
        self.max_bytes = max_bytes
        self._reserve_bytes = settings.disk_reserve_mb * _MEGABYTE
        self._target = settings.workspace
        self._stream = path.open("ab")
        self.n_bytes = self._stream.tell()
        try:
            self.validator = json.loads(self._notes.read_text())["validator"]
        except (OSError, ValueError, KeyError):
            self.restart(None)

    def restart(self, validator: str | None) -> None:
        """Throw away what came; the bytes to come are those of `validator`."""
        self._stream.truncate(0)
        self._stream.seek(0)
        self.n_bytes = 0
        self.validator = validator
        self._notes.write_text(json.dumps({"validator": validator}))

    def expect(self, n_more: int) -> None:
        """Make sure, before it comes, that so much more is allowed and has room.

        Raises:
            SourceError: it is more than the recipe allows.
            WorldError: the disk has no room for it.
        """
        self._require_small(self.n_bytes + n_more)
        for place in (self.path.parent, self._target):
            free = _free_bytes(place)
            if free < n_more + self._reserve_bytes:
                raise WorldError(
                    f"The disk of {place} has {free / _MEGABYTE:,.0f} MB free; "
                    f"{n_more / _MEGABYTE:,.0f} MB are to come, and "
                    f"{self._reserve_bytes / _MEGABYTE:,.0f} MB shall stay free "
                    "(MATTEFLOW_DISK_RESERVE_MB)."
                )

    def append(self, block: bytes) -> None:
        """Write the next bytes.

        Raises:
            SourceError: it would be more than the recipe allows.
        """
        self._require_small(self.n_bytes + len(block))
        self._stream.write(block)
        self.n_bytes += len(block)

    def _require_small(self, n_bytes: int) -> None:
        if n_bytes > self.max_bytes:
            raise SourceError(
                f"The file has more than {self.max_bytes:,} bytes, the limit of the recipe "
                "(download.max_bytes)."
            )

    def finish(self) -> None:
        """Wait until all bytes are on the disk."""
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def remove(self) -> None:
        """Leave nothing."""
        _remove(self.path)

    def __enter__(self) -> "PartFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.close()
        if not isinstance(error, WorldError | KeyboardInterrupt):
            self.remove()  # done with, or never to be


@contextmanager
def open_part(name: str, max_bytes: int, settings: Settings) -> Iterator[PartFile]:
    """Yield the part file of that name; after a WorldError it stays, for the next attempt.

    While somebody else on this machine holds it, a fresh one that nobody goes on with.
    """
    folder = settings.scratch
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
        path = folder / f"{name}.part"
    except Timeout:
        path = folder / f"{name}-{secrets.token_hex(4)}.part"
    try:
        with PartFile(path, max_bytes, settings) as part:
            yield part
    finally:
        if lock.is_locked:
            lock.release()
        else:
            _remove(path)


def _notes_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _notes_of(path).unlink(missing_ok=True)


def _free_bytes(folder: Path) -> int:
    """Return the free room on the disk where a folder is, or will be."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free
