"""Programs that tests start: in process groups of their own, with a home of Prefect."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from typing import TypeVar

from filelock import FileLock

from tests.conftest import CACHE

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


class Process:
    """A program in a process group of its own, whose output goes to a file."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path):
        self._stream = log.open("ab")
        self.process = subprocess.Popen(
            arguments, env=dict(environment), cwd=ROOT,
            stdout=self._stream, stderr=self._stream, start_new_session=True,
        )  # fmt: skip

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the program, not what it started, until the block ends."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def kill(self, *, group: bool = True) -> None:
        """SIGKILL it, with all that it started or alone."""
        with suppress(ProcessLookupError):
            if group:
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()
        self._stream.close()


def wait_for(look: Callable[[], T | None], limit_s: float, what: str) -> T:
    """Return what `look` finds as soon as it finds anything."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError(f"waited {limit_s:.0f} s in vain for {what}")


def prefect_home(folder: Path) -> Path:
    """Make a home of Prefect with the database as a first server leaves it.

    Its hundred migrations take ten seconds of CPU, so they are done once for each release.
    """
    migrated = CACHE / f"prefect-{version('prefect')}.db"
    migrated.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{migrated}.lock"):
        if not migrated.exists():
            with tempfile.TemporaryDirectory() as home:
                _migrate(Path(home))
                copyfile(Path(home, "prefect.db"), f"{migrated}.new")
            Path(f"{migrated}.new").replace(migrated)
    folder.mkdir(parents=True)
    copyfile(migrated, folder / "prefect.db")
    return folder


def _migrate(home: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    subprocess.run(
        [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"],
        env=own | {"PREFECT_HOME": str(home)}, capture_output=True, check=True,
    )  # fmt: skip
