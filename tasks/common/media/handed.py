"""Files that a worker hands over: its word is checked, since malformed media may speak for it."""

import os
import stat
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from tasks.common.media.sandbox import SandboxError

_BLOCKING = os.O_NONBLOCK  # a pipe without a writer would block the reader for ever


def open_handed(folder: Path, name: str) -> BinaryIO:
    """Open a regular file of the folder by its bare name, for reading.

    Raises:
        SandboxError: the name is a path, or the file is a link, a pipe or missing.
    """
    if name != Path(name).name or name in ("", ".", ".."):
        raise SandboxError("crash", "The worker process named a file outside its folder.")
    try:
        handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | _BLOCKING)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SandboxError(
            "crash", "The worker process named a file that cannot be read."
        ) from error
    facts = os.fstat(handle)
    # One name only: a hard link would show a file of elsewhere.
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        os.close(handle)
        raise SandboxError("crash", "The worker process handed over a link or a special file.")
    return os.fdopen(handle, "rb")


def take_jpeg(folder: Path, name: str, size_wh: tuple[int, int], max_bytes: int) -> bytes:
    """Return the bytes of a JPEG that the worker handed over, and remove the file.

    Raises:
        SandboxError: as `open_handed`; or it is larger, no JPEG, or of another size than announced.
    """
    with open_handed(folder, name) as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise SandboxError("crash", "The worker process handed over a file that is too large.")
    try:
        with Image.open(BytesIO(data), formats=["JPEG"]) as image:
            actual_wh = image.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise SandboxError(
            "crash", "The worker process handed over a file, but no JPEG."
        ) from error
    if actual_wh != size_wh:
        raise SandboxError("crash", "The worker process handed over a picture of another size.")
    (folder / name).unlink()  # at once: the frames of a long video could fill the scratch disk
    return data
