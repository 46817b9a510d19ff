"""Atomic writes, and digests of files."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tasks.common.errors import InputError


def digest_bytes(data: bytes) -> str:
    """Return the sha256 of `data` in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """Return the sha256 of a file's bytes in hex, without reading it into memory at once."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Yield a stream whose bytes become `path` in one step when the block ends without error.

    The temporary file lies in the same folder: a rename is atomic within one file system only.
    `durable` waits until the bytes are on the disk, so that a power cut cannot undo the write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden, so that listings skip it; cut, because a file name holds at most 255 bytes.
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        # `x`: two writers must never share a temporary file.
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(path)
        # The rename is a change of the folder, which has to reach the disk by itself.
        if durable:
            sync_folder(path.parent)
    finally:
        # Missing after the rename; present after an error or Ctrl-C.
        temporary.unlink(missing_ok=True)


def write_file(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write `data` to `path` atomically."""
    with replacing(path, durable=durable) as stream:
        stream.write(data)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries (the names, not the contents) are on the disk."""
    # A folder cannot be opened by `open`; `fsync` takes its handle all the same.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_writable(folder: Path, what: str, fix: str) -> None:
    """Write and remove a file: permission bits say nothing about full or read-only disks.

    Raises:
        InputError: the folder cannot be written; the message ends with the sentence `fix`.
    """
    probe = folder / f".probe-{secrets.token_hex(6)}"
    try:
        write_file(probe, b"probe")
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{what} {folder} cannot be written: {reason}. {fix}") from error
