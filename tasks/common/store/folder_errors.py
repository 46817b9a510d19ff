"""Errors of a folder store, mapped to errors of `tasks.common.errors` that say how to fix them."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.common.errors import InputError, WorldError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
# A file where a folder should be, or the other way round: no retry changes that.
_WRONG_KIND = (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError)


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Turn errors of the operating system into InputError or WorldError.

    An unknown error is a WorldError: network file systems fail in many ways that pass.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise InputError(
                f"The store {root} has no room left ({reason}). Make room and run the same "
                "command again: stored objects are not written twice."
            ) from error
        if error.errno in _FORBIDDEN or isinstance(error, _WRONG_KIND):
            raise InputError(
                f"The store {root} cannot be written or read: {reason}. Fix its permissions, or "
                "choose another with --store or MATTEFLOW_STORE."
            ) from error
        # Such as ESTALE and EIO of network file systems.
        raise WorldError(f"The store {root} failed: {reason}. Run it again.") from error
