"""Pictures of crops, drawn when somebody first looks at them, and kept on this machine."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tasks.common.files import write_file

_MAX_BYTES = 2 << 30
# A small picture's longer side in px; browsers scale between them.
STEPS_PX = (160, 320, 640, 1600)


def step_for(wanted_px: int) -> int:
    """Return the smallest stored size that is large enough."""
    return next((step for step in STEPS_PX if step >= wanted_px), STEPS_PX[-1])


class Thumbnails:
    """A folder of drawn pictures, named by what they show; it may be deleted at any time."""

    def __init__(self, folder: Path):
        self._folder = folder

    def get(self, name: str, draw: Callable[[], bytes]) -> bytes:
        """Return a picture, from the folder or drawn now."""
        path = self._folder / name[:2] / name
        try:
            return path.read_bytes()
        except OSError:
            data = draw()
        with suppress(OSError):  # a full disk: the page works without the folder
            write_file(path, data)
        return data

    def trim(self, max_bytes: int = _MAX_BYTES) -> None:
        """Remove the oldest pictures beyond a size."""
        entries = []
        for path in self._folder.glob("*/*"):
            try:
                status = path.stat()
            except OSError:  # another desk trims as well
                continue
            entries.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        for changed_at, size, path in sorted(entries):
            if total <= max_bytes or changed_at > time.time() - 60:
                return
            path.unlink(missing_ok=True)
            total -= size
