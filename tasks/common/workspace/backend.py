"""The interface of a workspace's storage, and a folder as its simplest implementation."""

import errno
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tasks.common.files import replacing, require_writable, write_file

FIX = "Choose another with MATTEFLOW_WORKSPACE or MATTEFLOW_HOME."
Writes = list[Future[None]]


class StorageBackend(Protocol):
    """Files named by relative paths with slashes, each written atomically."""

    root: Path

    def url(self, relative: str) -> str:
        """Return the URL of a file, for people."""

    def path(self, relative: str) -> Path:
        """Return a local path of the file; the path does not exist if the file does not."""

    def read(self, relative: str) -> bytes | None:
        """Return a file's bytes as every machine sees them now, or None."""

    def write(
        self, relative: str, data: bytes, later: Writes | None = None, *, durable: bool = False
    ) -> None:
        """Write a file.

        With `later` the upload may still run when this returns; its future is added to the list.
        With `durable` the bytes outlive a power cut.
        """

    def move_in(self, relative: str, file: Path, digest: str) -> None:
        """Move a finished local file into the workspace; `digest` is its sha256."""

    def remove(self, relatives: Iterable[str]) -> None:
        """Remove files; a missing file is no error."""

    def names(self, folder: str) -> list[str]:
        """Return the files under a folder, sorted."""

    def are_stored(self, relatives: Sequence[str], sizes: Mapping[str, int]) -> bool:
        """Say whether other machines can read these files; `sizes` in bytes, where known."""

    def has_copy(self, relative: str) -> bool:
        """Say whether a local file has to be checked; reading it needs no request."""

    def discard_copy(self, relative: str) -> bool:
        """Remove this machine's damaged copy; say whether another can be fetched."""

    def trim(self, max_bytes: int) -> int:
        """Remove the least recently used copies beyond a size; return the bytes removed."""

    def remove_leftovers(self, older_than_s: float) -> int:
        """Remove unfinished files of killed writers, and copies of files that are gone."""

    def probe(self) -> None:
        """Check, before any work, that files can be written.

        Raises:
            InputError: settings or permissions are wrong; the message says how to fix them.
            WorldError: the store does not answer.
        """


class FolderBackend:
    """A folder of this machine, or one that machines share."""

    def __init__(self, root: Path):
        self.root = root

    def url(self, relative: str) -> str:
        """Return the URL of a file, for people."""
        return (self.root / relative).as_uri()

    def path(self, relative: str) -> Path:
        """Return the path of the file itself."""
        return self.root / relative

    def read(self, relative: str) -> bytes | None:
        """Return a file's bytes, or None."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return self.path(relative).read_bytes()
        return None

    def write(
        self, relative: str, data: bytes, later: Writes | None = None, *, durable: bool = False
    ) -> None:
        """Write a file atomically."""
        write_file(self.path(relative), data, durable=durable)

    def move_in(self, relative: str, file: Path, digest: str) -> None:
        """Move a finished file into the folder."""
        move_file(file, self.path(relative))

    def remove(self, relatives: Iterable[str]) -> None:
        """Remove files; a missing file is no error."""
        for relative in relatives:
            self.path(relative).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        """Return the files under a folder, sorted; hidden ones may be partial and are skipped."""
        files = (path for path in (self.root / folder).rglob("*") if path.is_file())
        visible = (path for path in files if not path.name.startswith("."))
        return sorted(path.relative_to(self.root).as_posix() for path in visible)

    def are_stored(self, relatives: Sequence[str], sizes: Mapping[str, int]) -> bool:
        """Return True: the caller checks the files themselves, which are local."""
        return True

    def has_copy(self, relative: str) -> bool:
        """Return True, also for a missing file: the check must notice that it is missing."""
        return True

    def discard_copy(self, relative: str) -> bool:
        """Return False: the file is the only copy."""
        return False

    def trim(self, max_bytes: int) -> int:
        """Remove nothing: these files are not copies."""
        return 0

    def remove_leftovers(self, older_than_s: float) -> int:
        """Remove unfinished files of killed writers."""
        return remove_unfinished(self.root, older_than_s)

    def probe(self) -> None:
        """Write and remove a file."""
        # Permissions alone do not tell: the disk may be full or mounted read-only.
        require_writable(self.root, "The workspace", FIX)


def move_file(file: Path, target: Path) -> None:
    """Move a file, also between file systems; the target appears in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Scratch and workspace are on different file systems, between which no rename is possible.
        with file.open("rb") as source, replacing(target) as stream:
            shutil.copyfileobj(source, stream)
        file.unlink()


def remove_unfinished(root: Path, older_than_s: float) -> int:
    """Remove the temporary files of `files.replacing` that nobody writes any more."""
    n_removed = 0
    for path in root.rglob(".*.part"):
        with suppress(FileNotFoundError):  # its writer has just finished
            if time.time() - path.stat().st_mtime >= older_than_s:
                path.unlink()
                n_removed += 1
    return n_removed
