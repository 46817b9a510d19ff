"""The moments of a publication at which its process may die, counted in that process."""

import os
import signal
import sys
import threading
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from tasks.common.settings import settings
from tasks.common.store.folder import INCOMING, FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.store.s3 import S3Store

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = {"os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.chmod", "os.truncate"}
_TO_SECOND = {"os.rename", "os.link"}
_NAMING = {"PutObject", "CopyObject", *_TO_SECOND}


class Point(NamedTuple):
    """A moment: before or after what is done to the object of a key."""

    moment: str
    act: str
    key: str


END = Point("after", "push_tree", "")


def keys_written(points: Iterable[Point]) -> set[str]:
    """Return the keys that got an object, without what only this program's stores know of."""
    named = {point.key for point in points if point.act in _NAMING}
    return {key for key in named if key and not key.startswith(".")}


class Fuse:
    """Notes every point that is passed, and has this process killed or frozen at one of them."""

    def __init__(self, kill_at: int | None, freeze_at: int | None = None):
        self.points: list[Point] = []
        self._kill_at, self._freeze_at, self._counter = kill_at, freeze_at, count()

    def burn(self, moment: str, act: str, key: str) -> None:
        """Pass a point; the first is number 0."""
        self.points.append(Point(moment, act, key))
        number = next(self._counter)
        if number == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        elif number == self._freeze_at:
            os.kill(os.getpid(), signal.SIGSTOP)


def watch(store: ObjectStore, fuse: Fuse) -> None:
    """Pass a point at everything that this process does to a store, for the rest of its life."""
    if isinstance(store, FolderStore):
        _watch_folder(store.root, fuse)
    elif isinstance(store, S3Store):
        _watch_client(store._client, fuse)
    else:
        raise TypeError(f"no points are known in a {type(store).__name__}")


def _watch_client(client: Any, fuse: Fuse) -> None:
    """Before each request leaves, and when its reply has come; a retry is a request too."""
    under_way = threading.local()

    def before(request: Any, event_name: str, **_: Any) -> None:
        path = unquote(urlsplit(request.url).path)
        under_way.key = path.partition(f"/{settings().root_name}/")[2]
        fuse.burn("before", event_name.rpartition(".")[2], under_way.key)

    def after(event_name: str, **_: Any) -> None:
        fuse.burn("after", event_name.rpartition(".")[2], under_way.key)

    client.meta.events.register("before-send.s3", before)
    client.meta.events.register("response-received.s3", after)


def _watch_folder(root: Path, fuse: Fuse) -> None:
    """Before every call that changes a file or folder; writing is between `open` and `os.chmod`.

    Making a folder that is there changes nothing. Nor does waiting for the disk, which is left out:
    what a killed process has written stays written.
    """

    def key_of(place: object) -> str:
        path = Path(str(place))
        key = str(path.relative_to(root)) if path.is_relative_to(root) else ""
        return INCOMING if key.startswith(INCOMING) else key

    def hook(event: str, args: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(args[2], int) and args[2] & _WRITES
        is_idle = event == "os.mkdir" and Path(args[0]).is_dir()
        if (writes or event in _CHANGES) and not is_idle:
            fuse.burn("before", event, key_of(args[event in _TO_SECOND]))

    os.fsync = lambda fd: None
    sys.addaudithook(hook)
