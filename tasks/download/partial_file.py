"""A partial file: the bytes of an unfinished download, which the next attempt may resume.

Two attempts may lie far apart, and the server may hold another file by then. So a partial file has
a note beside it: the validator (a strong ETag or a date) that the server gave for these very bytes.
A fetcher resumes only if the server still confirms it; else it starts over. Two files are never
mixed.
"""

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


class PartialFile:
    """A file that grows at its end, up to `max_bytes`.

    `validator` is None where the server names no validator: such bytes cannot be resumed.
    """

    def __init__(self, path: Path, max_bytes: int, settings: Settings):
        self.path = path
        self.validator: str | None = None
        self.max_bytes = max_bytes
        self._note = _note_of(path)
        self._reserve_bytes = settings.disk_reserve_mb * _MEGABYTE
        self._workspace = settings.workspace
        self._stream = path.open("ab")
        self.n_bytes = self._stream.tell()
        try:
            self.validator = json.loads(self._note.read_text())["validator"]
        except (OSError, ValueError, KeyError):
            # New, or killed between the two writes: nothing says which file these bytes are from.
            self.restart(None)

    def restart(self, validator: str | None) -> None:
        """Discard the bytes; those to come belong to `validator`.

        Truncates before it writes the note. A process that is killed in between leaves no bytes,
        which are right under any validator.
        """
        self._stream.truncate(0)
        self._stream.seek(0)
        self.n_bytes = 0
        self.validator = validator
        self._note.write_text(json.dumps({"validator": validator}))

    def expect(self, n_more: int) -> None:
        """Check, before they are transferred, that so many more bytes are allowed and fit.

        Checks the disk of the workspace, too, where the finished file will be moved.

        Raises:
            SourceError: it is more than the recipe allows.
            WorldError: a disk has no room for it.
        """
        self._require_small(self.n_bytes + n_more)
        for folder in (self.path.parent, self._workspace):
            free = _free_bytes(folder)
            if free < n_more + self._reserve_bytes:
                raise WorldError(
                    f"The disk of {folder} has {free / _MEGABYTE:,.0f} MB free; "
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

    def __enter__(self) -> "PartialFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.close()
        # Only these two may be followed by another attempt at the same file. After success the
        # file was moved away; after a SourceError no attempt would help.
        if not isinstance(error, WorldError | KeyboardInterrupt):
            _remove(self.path)


@contextmanager
def open_partial_file(name: str, max_bytes: int, settings: Settings) -> Iterator[PartialFile]:
    """Yield the partial file of that name; after a WorldError it stays for the next attempt.

    While another thread or process of this machine holds it, yield a fresh one under another name,
    which is removed in any case: two writers in one file would mix their bytes.
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
        with PartialFile(path, max_bytes, settings) as partial:
            yield partial
    finally:
        if lock.is_locked:
            lock.release()
        else:
            _remove(path)


def _note_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _note_of(path).unlink(missing_ok=True)


def _free_bytes(folder: Path) -> int:
    """Return the free bytes on the disk where a folder is, or will be."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(existing).free
