"""The terminal: progress bars, and errors as sentences."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.segment import Segment

from tasks.common.printable import printable
from tasks.common.progress import listen

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130  # the convention of shells: 128 + SIGINT
# Artifacts are written whole or not at all, so a resumed run repeats unfinished stages only.
INTERRUPTED_SENTENCE = "Interrupted. Finished work is kept; run again to continue."


class _TextConsole(Console):
    """A console whose texts cannot steer the terminal.

    Names of uploaders, tags and sentences come from source lists and servers. Everything that is
    printed passes through `render`, tables and bars too; what styles a text is no part of it.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


# No markup: brackets in file names and free text would be read as styles.
console = _TextConsole(markup=False)
errors = _TextConsole(stderr=True, markup=False)


def print_error(sentence: str) -> None:
    """Print on the error stream why the command failed."""
    errors.print(f"matteflow: {sentence}", style="red", highlight=False, soft_wrap=True)


def print_warning(sentence: str) -> None:
    """Print on the error stream what a person must know although the command goes on."""
    errors.print(sentence, style="yellow", highlight=False, soft_wrap=True)


class _Bars:
    """One bar per stage; sources in the same stage at the same time share it."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._totals: Counter[str] = Counter()
        # rich locks each update, but not the look-up of a bar and its creation together.
        self._lock = Lock()

    def advance(self, stage: str, done: int, total: int) -> None:
        """Add progress to the bar of a stage; sources report from several threads at a time."""
        with self._lock:
            if stage not in self._bars:
                self._bars[stage] = self._progress.add_task(stage, total=0)
            # Each source reports its own total once, with `done` 0; the bar shows their sum.
            self._totals[stage] += total
            self._progress.update(self._bars[stage], advance=done, total=self._totals[stage])


@contextmanager
def progress_bars(title: str) -> Iterator[Callable[[], None]]:
    """Show a bar per running stage until the block ends; on a pipe, print only the title.

    Yields a function that takes the bars off the screen.
    """
    # Bars in a log file would be thousands of lines with control characters.
    if not sys.stderr.isatty():
        errors.print(title)
        yield lambda: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:10}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    # On the error stream, so that output can be piped.
    with Progress(*columns, console=errors, transient=True) as progress:
        progress.add_task(title, total=None)
        listen(_Bars(progress))
        yield progress.stop
