"""The terminal: progress bars while something runs, tables when it is done."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from tasks.common.progress import listen

# No markup: names of files and people's sentences may hold brackets.
console = Console(markup=False)
errors = Console(stderr=True, markup=False)


class _Bars:
    """One bar per stage; sources that are at work at the same time share it."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._bars: dict[str, tuple[int, int]] = {}
        self._lock = Lock()

    def advance(self, stage: str, done: int, total: int) -> None:
        """Take note of progress, from any thread."""
        with self._lock:
            if stage not in self._bars:
                self._bars[stage] = (int(self._progress.add_task(stage, total=0)), 0)
            bar, so_far = self._bars[stage]
            self._bars[stage] = (bar, so_far + total)
            self._progress.update(bar, advance=done, total=so_far + total)  # type: ignore[arg-type]


@contextmanager
def progress_bars(title: str) -> Iterator[None]:
    """Show the stages at work until the block ends; on a pipe, only the title."""
    if not sys.stderr.isatty():
        errors.print(title)
        yield
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:10}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as progress:
        progress.add_task(title, total=None)
        listen(_Bars(progress))
        yield
