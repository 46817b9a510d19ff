"""Landlock: which files a process may reach, without any privilege (Linux 5.13 and later).

Numbers are those of linux/landlock.h; docs.kernel.org/userspace-api/landlock.html says what they
mean. Three system calls by ctypes, since no kept package fits (docs/decisions/0010).
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from functools import cache
from pathlib import Path

# The same on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION = 1
_PATH_BENEATH = 1
_NEWEST_ABI = 7  # the newest whose rights are listed here

_WRITE_FILE, _READ_FILE, _READ_DIR, _MAKE_REG = 1 << 1, 1 << 2, 1 << 3, 1 << 8
_REMOVE_FILE, _MAKE_DIR = 1 << 5, 1 << 7
_TRUNCATE = 1 << 14
_READ = _READ_FILE | _READ_DIR
# New regular files only: no links, pipes or devices, which could lead the reader elsewhere.
_WRITE = _WRITE_FILE | _MAKE_REG | _TRUNCATE
_TIDY = _REMOVE_FILE | _MAKE_DIR
# All rights by the ABI version that brought them; what a ruleset handles, it denies.
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: _TRUNCATE, 5: 1 << 15}
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_NETWORK_ABI = 4
_SCOPES, _SCOPES_ABI = 0b11, 6  # abstract Unix sockets and signals: none beyond the own processes

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


@cache
def landlock_version() -> int:
    """Return the version of Landlock's ABI; 0 where the kernel has none, or does not allow it."""
    return max(
        int(_libc.syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), _GET_VERSION)),
        0,
    )


def restrict_files(
    reads: Iterable[str | Path], folder: str | Path | None, *, network: bool = False
) -> None:
    """Restrict this thread, for good: it reads `reads`, and makes new files in `folder`.

    With `network` it may connect, and may also remove files and make folders in `folder`, as
    downloaders do. Paths that do not exist are left out. `no_new_privs` must be set.

    Raises:
        OSError: the kernel refused.
    """
    abi = min(landlock_version(), _NEWEST_ABI)
    files = sum(rights for since, rights in _FILE_RIGHTS.items() if abi >= since)
    tcp = (_BIND_TCP | (0 if network else _CONNECT_TCP)) if abi >= _NETWORK_ABI else 0
    scopes = _SCOPES if abi >= _SCOPES_ABI else 0
    # Kernels that know fewer fields accept the longer form as long as the rest is zero.
    attributes = struct.pack("=QQQ", files, tcp, scopes)
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for path in reads:
            _allow(ruleset, path, _READ & files)
        if folder is not None:
            _allow(ruleset, folder, (_READ | _WRITE | (_TIDY if network else 0)) & files)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str | Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what does not exist, or is closed to this user, needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE  # others fit folders only
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, handle), 0)
    finally:
        os.close(handle)


def _call(number: int, *arguments: int | bytes) -> int:
    words = (item if isinstance(item, bytes) else ctypes.c_long(item) for item in arguments)
    result = int(_libc.syscall(ctypes.c_long(number), *words))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return result
