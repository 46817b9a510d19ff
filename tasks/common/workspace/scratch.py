"""The scratch folder: unfinished files of this machine, never shared as a workspace is."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.common.settings import Settings


@contextmanager
def scratch_folder(settings: Settings, purpose: str) -> Iterator[Path]:
    """Yield a new folder that is removed with its content when the block ends."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        # Not the system's /tmp, which is often memory: videos are larger.
        dir=settings.scratch,
        prefix=f"{purpose}-",
        ignore_cleanup_errors=True,
    ) as folder:
        yield Path(folder)


def sweep_scratch(settings: Settings, older_than_s: float) -> int:
    """Remove what killed processes left behind; return the number of removed entries.

    By age alone: it is unknown whether the process that owns a file still runs.
    """
    if not settings.scratch.is_dir():
        return 0
    n_removed, now = 0, time.time()
    for entry in settings.scratch.iterdir():
        try:
            if now - entry.stat().st_mtime < older_than_s:
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()
        except FileNotFoundError:
            continue  # its owner has just removed it
        n_removed += 1
    return n_removed
