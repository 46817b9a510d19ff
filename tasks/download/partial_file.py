"""A partial file: the bytes of an unfinished download, which the next attempt may resume.

Between two attempts the server may have replaced the file. So a note beside the partial file holds
the validator (a strong ETag or a date) that the server sent with these bytes. A fetcher resumes
only if the server confirms the validator; otherwise it starts over. Two files are never mixed.
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

    `validator` is None if the server sends none: such a download cannot be resumed.
    """

    def __init__(self, path: Path, max_bytes: int, settings: Settings):
        self.path = path
        self.validator: str | None = None
        self.max_bytes = max_bytes
        self._note = _note_of(path)
        self._reserve_bytes = settings.disk_reserve_mb * _MEGABYTE
        self._workspace = settings.workspace
        # Appending: bytes of an earlier attempt stay, and `tell` says how many there are.
        self._stream = path.open("ab")
        self.n_bytes = self._stream.tell()
        try:
            self.validator = json.loads(self._note.read_text())["validator"]
        except (OSError, ValueError, KeyError):
            # New, or killed between the two writes: it is unknown which file the bytes are from.
            self.restart(None)

    def restart(self, validator: str | None) -> None:
        """Discard the bytes; the next ones belong to `validator`.

        Truncates before it writes the note: a process that is killed in between leaves an empty
        file, which fits any validator.
        """
        self._stream.truncate(0)
        self._stream.seek(0)
        self.n_bytes = 0
        self.validator = validator
        self._note.write_text(json.dumps({"validator": validator}))

    def expect(self, n_more: int) -> None:
        """Check, before a transfer, that so many more bytes are allowed and fit on the disks.

        Also checks the disk of the workspace, to which the finished file will be moved.

        Raises:
            SourceError: it is more than the recipe allows.
            WorldError: a disk has no room for it.
        """
        self._require_small(self.n_bytes + n_more)
        for folder in (self.path.parent, self._workspace):
            # Free space is checked, not reserved: `sources_in_flight` transfers may share it, hence
            # the reserve.
            free = _free_bytes(folder)
            if free < n_more + self._reserve_bytes:
                raise WorldError(
                    f"The disk of {folder} has {free / _MEGABYTE:,.0f} MB free; "
                    f"{n_more / _MEGABYTE:,.0f} MB are still to be downloaded, and "
                    f"{self._reserve_bytes / _MEGABYTE:,.0f} MB must stay free "
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
        # Only after these errors will another attempt resume the file. After success it was moved
        # away; after a SourceError no attempt would help.
        if not isinstance(error, WorldError | KeyboardInterrupt):
            _remove(self.path)


@contextmanager
def open_partial_file(name: str, max_bytes: int, settings: Settings) -> Iterator[PartialFile]:
    """Yield the partial file of that name; after a WorldError it stays for the next attempt.

    If another thread or process of this machine uses it, yield a new one under another name, which
    is removed in any case: two writers of one file would mix their bytes.
    """
    folder = settings.scratch
    folder.mkdir(parents=True, exist_ok=True)
    # A file lock belongs to the process: the system releases it if the process is killed.
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
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free
