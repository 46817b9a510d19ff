"""The jail of an isolated worker: what it may touch, enforced by the kernel.

A decoder that malformed media have taken over runs code of an attacker as this user. In the jail it
reads the file that it is to decode and the libraries, writes new files into one folder, and nothing
else: no other file, no process, no connection, no signal. See docs/decisions/0010.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tasks.common.media.landlock import landlock_version, restrict_files
from tasks.common.media.seccomp import (
    forbid_privileges,
    is_supported,
    prepare_filter,
    restrict_calls,
)

_LIBRARY_FOLDERS = ("site-packages", "dist-packages", "lib-dynload")
# What libraries read of the system, none of it private. The processors: else decoders count one.
_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"),
    *("/dev/null", "/dev/urandom", "/sys/devices/system/cpu"),
)
# What it takes to resolve names and to check certificates.
_NETWORK = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/etc/localtime", "/usr/share/zoneinfo"),
    # Not /etc/ssl and /etc/pki as a whole, which hold private keys as well.
    *("/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust"),
    *("/usr/share/ca-certificates", "/usr/local/share/ca-certificates"),
)


class Reach(NamedTuple):
    """What a worker may touch beyond the libraries: files to read, a folder for new files.

    No file that it writes is larger than `file_bytes`.
    """

    reads: tuple[str, ...] = ()
    folder: str | None = None
    file_bytes: int = 0
    network: bool = False


@cache
def missing_walls() -> tuple[str, ...]:
    """Return what this kernel lacks for the jail; empty: it has all."""
    walls = (
        ("Landlock (Linux 5.13 or later, among the security modules)", landlock_version() > 0),
        ("seccomp filters (on x86-64 or aarch64)", is_supported()),
    )
    return tuple(name for name, is_there in walls if not is_there)


def enter_jail(reach: Reach, packages: tuple[str, ...]) -> None:
    """Put this thread into the jail, for good; its threads to come are in it, too.

    `packages` are the names of this project's packages whose code the worker may read. Walls that
    the kernel lacks are left out: `missing_walls` names them, the caller decides.

    Raises:
        OSError: the kernel has a wall, but refused to set it up.
    """
    forbid_privileges()
    if landlock_version() > 0:
        reads = (*_libraries(packages), *(_network() if reach.network else ()), *reach.reads)
        restrict_files(reads, reach.folder, network=reach.network)
    if is_supported():
        restrict_calls(network=reach.network)


@cache
def _libraries(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders of code; modules and parsers of Pillow are imported when first needed.

    Not all of `sys.path`: the folder of the project may hold data, or a file with secrets.
    """
    paths = sysconfig.get_paths()
    folders = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [path for path in sys.path if Path(path).name in _LIBRARY_FOLDERS]
    folders += [f"{sys.base_prefix}/lib", *_SYSTEM]
    folders += filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":"))
    folders += map(str, _package_folders(packages))
    # Each path is a system call per worker: without what is below another, or is not there.
    real = {os.path.realpath(folder) for folder in folders if Path(folder).exists()}
    return tuple(sorted(path for path in real if not any(map(real.__contains__, _above(path)))))


def _above(path: str) -> Iterator[str]:
    return map(str, Path(path).parents)


def prepare_jail(packages: tuple[str, ...]) -> None:
    """Work out what is the same for every worker; they then inherit it."""
    missing_walls()
    _libraries(packages)
    prepare_filter()


def _package_folders(packages: tuple[str, ...]) -> Iterator[Path]:
    for name in packages:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            yield Path(file).parent


def _network() -> tuple[str, ...]:
    own = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return (*_NETWORK, *filter(None, own))
