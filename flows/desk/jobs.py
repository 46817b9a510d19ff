"""Long work of the desk: commands of the program in processes of their own, with what they print.

A publication loads models and a Prefect server; in the desk's process it would hold up every page,
and a fault in it would end the desk.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Literal

from tasks.common.errors import InputError

State = Literal["running", "done", "failed"]
_MAX_LINES = 400
_MAX_RUNNING = 2
_PROGRAM = (sys.executable, "-m", "flows")
_ROOT = Path(__file__).parents[2]


class Job:
    """A command that runs or has run; `lines` are the last that it printed."""

    def __init__(self, number: int, title: str, arguments: Sequence[str]):
        self.number = number
        self.title = title
        self.arguments = tuple(arguments)
        self.started_at = datetime.now(UTC)
        self.lines: list[str] = []
        self.code: int | None = None
        self._process = subprocess.Popen(
            [*_PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            # The desk's own modules, wherever the desk was started; the folder of files that a
            # recipe or list names is that of the desk.
            env={**os.environ, "PYTHONPATH": _search_path(), "COLUMNS": "160"},
        )
        Thread(target=self._follow, daemon=True).start()

    @property
    def state(self) -> State:
        """Whether it runs, was done, or failed."""
        if self.code is None:
            return "running"
        return "done" if self.code == 0 else "failed"

    @property
    def command(self) -> str:
        """The command as one would type it."""
        return " ".join(["matteflow", *self.arguments])

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines = [*self.lines, line.rstrip()][-_MAX_LINES:]
        self.code = self._process.wait()

    def plain(self) -> dict[str, object]:
        """Return it as plain values for a page."""
        return {
            "number": self.number,
            "title": self.title,
            "command": self.command,
            "state": self.state,
            "started": f"{self.started_at:%H:%M:%S}",
            "lines": self.lines[-60:],
        }


class Jobs:
    """The long work of one desk."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._numbers = count(1)
        self._lock = Lock()

    def start(self, title: str, arguments: Sequence[str]) -> Job:
        """Start a command of the program.

        Raises:
            InputError: too many run already.
        """
        with self._lock:
            if sum(job.state == "running" for job in self._jobs.values()) >= _MAX_RUNNING:
                raise InputError("Two jobs of this desk run already; wait until one is done.")
            number = next(self._numbers)
            self._jobs[number] = Job(number, title, arguments)
            return self._jobs[number]

    def newest_first(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return sorted(self._jobs.values(), key=lambda job: -job.number)


def _search_path() -> str:
    return os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
