"""A seccomp filter: which system calls a process may make, and with which arguments.

The filter is a program of classic BPF, as docs.kernel.org/userspace-api/seccomp_filter.html
describes; numbers are those of linux/{filter,seccomp,audit,prctl,sched,fcntl}.h.
"""

import ctypes
import errno
import os
import struct
from functools import cache
from typing import NamedTuple

from tasks.common.media.syscalls import (
    ARCHITECTURES,
    numbers_always,
    numbers_inspected,
    numbers_network,
)

_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # calls of x86-64's 32-bit pointers have numbers from here on
_NEWEST = 450  # beyond it are calls that a newer C library tries first; it then takes an older one
# Instructions of BPF: load a word, jump if equal, jump if at least, mask, return.
_LOAD, _EQUAL, _AT_LEAST, _MASK, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data
_ALL_BITS = 0xFFFFFFFF

_CLONE_THREAD = 0x00010000
_SET_NAME, _GET_NAME, _NAME_MEMORY = 15, 16, 0x53564D41  # of prctl
_TCGETS, _FIONREAD, _FIONBIO = 0x5401, 0x541B, 0x5421  # of ioctl: what Python's files ask
# Of fcntl: F_DUPFD to F_SETLKW, F_DUPFD_CLOEXEC. Not F_SETOWN and F_SETSIG, which signal others.
_FCNTL = (*range(8), 1030)
_FAMILIES = (2, 10)  # AF_INET, AF_INET6; no Unix sockets, hence no way to services of this machine

# The fields of `prctl` are long words: shorter ones would leave half of each undefined.
_prctl = ctypes.CDLL(None, use_errno=True).prctl
_prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]


class _Check(NamedTuple):
    """A 32-bit half of an argument, masked, must be one of some values."""

    argument: int
    values: tuple[int, ...]
    mask: int = _ALL_BITS
    is_high: bool = False

    @property
    def offset(self) -> int:
        # Little-endian, as both architectures are.
        return _ARGUMENTS_AT + 8 * self.argument + (4 if self.is_high else 0)


@cache
def is_supported() -> bool:
    """Say whether this kernel and architecture take such a filter."""
    if os.uname().machine not in ARCHITECTURES:
        return False
    # Without a program: a kernel that knows filters complains of the address (EFAULT).
    _prctl(_SET_SECCOMP, _FILTER, None, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


def forbid_privileges() -> None:
    """Set `no_new_privs`: no program that this process starts gains rights."""
    _require(_prctl(_NO_NEW_PRIVS, 1, None, 0, 0))


def restrict_calls(*, network: bool = False) -> None:
    """Restrict the system calls of this thread, for good. `no_new_privs` must be set.

    Raises:
        OSError: the kernel refused.
    """
    # Its own process may be signalled (by `abort`), so the filter holds the process's number.
    install(_start(network=network) + _own_process(os.getpid()) + _end())


def prepare_filter() -> None:
    """Put together what is the same for every worker; they then inherit it."""
    if is_supported():
        for network in (False, True):
            _start(network=network)


def install(program: bytes) -> None:
    """Have the kernel run a BPF program at each system call of this thread, for good.

    Raises:
        OSError: the kernel refused.
    """
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions, and their address.
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    _require(_prctl(_SET_SECCOMP, _FILTER, fprog, 0, 0))


def _require(result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"seccomp: {os.strerror(error)}")


@cache
def _start(*, network: bool) -> bytes:
    """Return the part that is the same for all workers: about 250 instructions."""
    machine = os.uname().machine
    column = ARCHITECTURES[machine]
    inspected = numbers_inspected(column)
    parts = [
        _instruction(_LOAD, _ARCH_AT),
        _instruction(_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER_AT),
        _instruction(_AT_LEAST, _X32, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
    ]
    numbers = [*numbers_always(column), *(numbers_network(column) if network else ())]
    allow = _instruction(_RETURN, _ALLOW)
    parts += [_instruction(_EQUAL, number, 0, 1) + allow for number in numbers]
    # Not there, so that the C library takes `clone`, whose flags can be read.
    parts.append(
        _instruction(_EQUAL, inspected["clone3"], 0, 1)
        + _instruction(_RETURN, _ERRNO | errno.ENOSYS)
    )
    checks = _checks() | ({"socket": (_Check(0, _FAMILIES),)} if network else {})
    parts.extend(_checked(inspected[name], own) for name, own in checks.items())
    return b"".join(parts)


def _checks() -> dict[str, tuple[_Check, ...]]:
    # Landlock before Linux 6.2 lets a file be emptied that is opened for reading.
    modes = os.O_ACCMODE | os.O_TRUNC
    writing = (os.O_WRONLY, os.O_RDWR)
    openable = (os.O_RDONLY, *writing, *(mode | os.O_TRUNC for mode in writing))
    return {
        "openat": (_Check(2, openable, modes),),
        "clone": (_Check(0, (_CLONE_THREAD,), _CLONE_THREAD),),  # threads, no processes
        "prctl": (_Check(0, (_SET_NAME, _GET_NAME, _NAME_MEMORY)),),
        # Reading limits, not setting them: root may raise its own.
        "prlimit64": (_Check(2, (0,)), _Check(2, (0,), is_high=True)),
        "ioctl": (_Check(1, (_TCGETS, _FIONREAD, _FIONBIO)),),
        "fcntl": (_Check(1, _FCNTL),),
    }


def _own_process(pid: int) -> bytes:
    inspected = numbers_inspected(ARCHITECTURES[os.uname().machine])
    return b"".join(_checked(inspected[name], (_Check(0, (pid,)),)) for name in ("kill", "tgkill"))


def _end() -> bytes:
    return (
        _instruction(_AT_LEAST, _NEWEST, 0, 1)
        + _instruction(_RETURN, _ERRNO | errno.ENOSYS)
        + _instruction(_RETURN, _ERRNO | errno.EPERM)
    )


def _checked(number: int, checks: tuple[_Check, ...]) -> bytes:
    """Return the instructions that allow a call if all checks hold, and refuse it if not."""
    body = b""
    for check in checks:
        body += _instruction(_LOAD, check.offset) + _instruction(_MASK, check.mask)
        # The last value jumps over the refusal, those before it to the same place.
        for left, value in zip(range(len(check.values), 0, -1), check.values, strict=True):
            body += _instruction(_EQUAL, value, left, 0)
        body += _instruction(_RETURN, _ERRNO | errno.EPERM)
    body += _instruction(_RETURN, _ALLOW)
    return _instruction(_EQUAL, number, 0, len(body) // 8) + body


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
