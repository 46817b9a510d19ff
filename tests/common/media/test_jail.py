"""A worker that media have taken over: every way out of it is closed, and decoding still works."""

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.common.media.jail import Reach, missing_walls
from tasks.common.media.sandbox import Limits, run_isolated
from tests.common.media import sandboxed

pytestmark = pytest.mark.service  # child processes

LIMITS = Limits(wall_s=60.0, cpu_s=30.0, memory_bytes=256 << 20)
LIBRARY = "matteflow_attack.pth"


@pytest.fixture
def aims(tmp_path: Path, free_port: int) -> Iterator[dict[str, Any]]:
    """Yield the aim of each attack; without the jail each is reached."""
    secret, folder = tmp_path / "secret.txt", tmp_path / "handed"
    secret.write_text("token")
    folder.mkdir()
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "service"))
    unix.listen()
    parent = os.getpid()
    yield {
        "read a file": str(secret),
        "read the environment": parent,
        "read the memory": parent,
        "read as a debugger": parent,
        "list a folder": str(tmp_path),
        "write a file": str(tmp_path / "store.txt"),
        "write a library": LIBRARY,
        "connect": free_port,
        "connect to a Unix socket": str(tmp_path / "service"),
        "start a program": None,
        "leave a daemon": str(folder / "alive"),
        "signal": parent,
        "link": [str(secret), str(folder / "0.jpg")],
        "link hard": [str(secret), str(folder / "0.jpg")],
        "make a pipe": str(folder / "0.jpg"),
        "change a mode": str(secret),
        "change a time": str(secret),
        "empty a file": str(secret),
        "remove a file": str(secret),
        "fill the disk": str(folder),
        "hold memory": 1 << 30,
        "raise limits": None,
    }
    unix.close()


@pytest.fixture
def free_port() -> Iterator[int]:
    """Yield a port of loopback at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def _survive() -> Iterator[None]:
    """Take the signal that an attack sends, and remove the library that another writes."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGUSR1, before)
    Path(sysconfig.get_paths()["purelib"], LIBRARY).unlink(missing_ok=True)


@pytest.mark.parametrize("name", sandboxed.ATTACKS)
def test_a_decoder_that_was_taken_over_cannot(name: str, aims: dict[str, Any]) -> None:
    """The file to decode is beside the secret, and may be read only."""
    media = Path(aims["read a file"]).with_name("media.mp4")
    media.write_bytes(b"media")
    reach = Reach((str(media),), str(media.parent / "handed"), file_bytes=1 << 20)
    answer = run_isolated(sandboxed.attack, [name, aims[name]], LIMITS, reach)
    assert answer.startswith("refused")
    assert run_isolated(sandboxed.attack, ["read a file", str(media)], LIMITS, reach) == (
        "done: 'media'"
    )


@pytest.mark.parametrize("name", ["write a file", "remove a file", "empty a file", "change a mode"])
def test_the_file_that_it_decodes_is_read_only(name: str, tmp_path: Path) -> None:
    media = tmp_path / "media.mp4"
    media.write_bytes(b"media")
    answer = run_isolated(sandboxed.attack, [name, str(media)], LIMITS, Reach((str(media),)))
    assert answer.startswith("refused")
    assert media.read_bytes() == b"media"


def test_a_daemon_that_it_left_is_gone(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    run_isolated(sandboxed.attack, ["leave a daemon", str(alive)], LIMITS, Reach((), str(tmp_path)))
    time.sleep(0.1)
    assert not alive.exists()


def test_a_worker_that_downloads_still_reaches_no_file_process_or_service(
    aims: dict[str, Any],
) -> None:
    handed = str(Path(aims["read a file"]).with_name("handed"))
    reach = Reach((), handed, file_bytes=1 << 20, network=True)
    names = set(sandboxed.ATTACKS) - {"connect"}
    answers = {
        name: run_isolated(sandboxed.attack, [name, aims[name]], LIMITS, reach)
        for name in sorted(names)
    }
    assert {name for name, answer in answers.items() if answer.startswith("done")} == set()
    connected = run_isolated(sandboxed.attack, ["connect", aims["connect"]], LIMITS, reach)
    assert connected == "done: None"


def test_what_decoders_do_works(tmp_path: Path) -> None:
    reach = Reach((), str(tmp_path), file_bytes=1 << 20)
    n_bytes, n_processors, *squares = run_isolated(
        sandboxed.ordinary_work, str(tmp_path), LIMITS, reach
    )
    assert (n_bytes, n_processors) == (4, os.cpu_count())
    assert squares == [n * n for n in range(20)]


def test_this_machine_has_the_whole_jail() -> None:
    """Else the tests above would be of another kernel."""
    assert missing_walls() == ()


# A process in which the kernel answers to Landlock as one does that lacks it.
OLD_KERNEL = """
import errno, struct, sys
from tasks.common.media import seccomp
instruction = seccomp._instruction
seccomp.forbid_privileges()
program = instruction(0x20, 0) + instruction(0x15, 444, 0, 1)
program += instruction(0x06, 0x50000 | errno.ENOSYS) + instruction(0x06, 0x7FFF0000)
seccomp.install(program)
from tasks.common.media.jail import Reach
from tasks.common.media.sandbox import Limits, require_jail, run_isolated
from tests.common.media import sandboxed
print(require_jail())
limits = Limits(60, 30, 1 << 28)
print(run_isolated(sandboxed.attack, ["start a program", None], limits))
print(run_isolated(sandboxed.attack, ["read a file", sys.argv[1]], limits))
"""


def on_old_kernel(tmp_path: Path, jail: str) -> subprocess.CompletedProcess[str]:
    secret = tmp_path / "secret.txt"
    secret.write_text("token")
    return subprocess.run(
        [sys.executable, "-c", OLD_KERNEL, str(secret)],
        env=os.environ | {"MATTEFLOW_DECODER_JAIL": jail},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_kernel_without_landlock_gets_the_other_wall_and_a_sentence(tmp_path: Path) -> None:
    done = on_old_kernel(tmp_path, "available")
    said, started, read = done.stdout.splitlines()
    assert said.startswith("Decoders run without a whole jail: this kernel lacks Landlock")
    assert started.startswith("refused")
    assert read == "done: 'token'"  # which is why it is said


def test_where_the_jail_is_required_nothing_is_decoded_without_it(tmp_path: Path) -> None:
    done = on_old_kernel(tmp_path, "required")
    assert done.returncode != 0
    assert "MATTEFLOW_DECODER_JAIL=required forbids that" in done.stderr
    assert done.stdout == ""
