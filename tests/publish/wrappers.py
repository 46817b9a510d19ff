"""Stores that tell what they were asked, or to which something happens at a chosen moment."""

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tasks.common.errors import WorldError
from tasks.common.store.objects import Content, ObjectStore, Stored


class Around:
    """Does what the store within does; what others override happens before."""

    def __init__(self, inner: ObjectStore):
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Noting(Around):
    """Notes the keys that are written, fetched and deleted, in order."""

    def __init__(self, inner: ObjectStore):
        super().__init__(inner)
        self.put_keys: list[str] = []
        self.written: list[str] = []
        self.fetched: list[str] = []
        self.deleted: list[str] = []

    def put(self, key: str, data: bytes, sha256: str) -> None:
        self.inner.put(key, data, sha256)
        self.put_keys.append(key)
        self.written.append(key)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        self.written.append(key)
        return self.inner.put_if_absent(key, data)

    def copy(self, source: str, target: str, content: Content) -> bool:
        done = self.inner.copy(source, target, content)
        self.written += [target] if done else []
        return done

    def swap(self, key: str, expected: bytes | None, data: bytes) -> bool:
        self.written.append(key)
        return self.inner.swap(key, expected, data)

    def fetch(self, key: str, target: Path) -> bool:
        self.fetched.append(key)
        return self.inner.fetch(key, target)

    def delete(self, keys: Iterable[str]) -> None:
        listed = list(keys)
        self.deleted += listed
        self.inner.delete(listed)


class Overtaken(Around):
    """Lets something happen, once, just before the first swap of a key under `prefix`."""

    def __init__(self, inner: ObjectStore, prefix: str, meanwhile: Callable[[], Any]):
        super().__init__(inner)
        self._prefix, self._waiting = prefix, [meanwhile]
        self.n_swaps = 0

    def swap(self, key: str, expected: bytes | None, data: bytes) -> bool:
        if key.startswith(self._prefix):
            self.n_swaps += 1
            if self._waiting:
                self._waiting.pop()()
        return self.inner.swap(key, expected, data)


class Killed(BaseException):
    """Like a signal, it passes every `except Exception`."""


class DiesAt(Around):
    """Dies before the first conditional put of a key under `prefix`, or at the n-th deletion."""

    def __init__(self, inner: ObjectStore, prefix: str = "-", *, n_deletions: int | None = None):
        super().__init__(inner)
        self._prefix, self._n_left = prefix, n_deletions

    def put_if_absent(self, key: str, data: bytes) -> bool:
        if key.startswith(self._prefix):
            raise Killed
        return self.inner.put_if_absent(key, data)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            if self._n_left == 0:
                raise Killed
            self._n_left = None if self._n_left is None else self._n_left - 1
            self.inner.delete([key])


class Breaks(Around):
    """Brings so many files and then no more, in the middle of one."""

    def __init__(self, inner: ObjectStore, n_files: int):
        super().__init__(inner)
        self.n_connections, self._n_left = 1, n_files

    def fetch(self, key: str, target: Path) -> bool:
        if self._n_left == 0:
            target.write_bytes(b"half")
            raise WorldError("The line is dead.")
        self._n_left -= 1
        return self.inner.fetch(key, target)


class OtherTags(Around):
    """Its listing tells tags that look like MD5 digests but are none, as under some encryption."""

    def list_objects(self, prefix: str) -> dict[str, Stored]:
        found = self.inner.list_objects(prefix)
        return {
            key: Stored(there.size_bytes, secrets.token_hex(16)) for key, there in found.items()
        }


class Watching(Around):
    """Lets something happen after each listing of a tree's files."""

    def __init__(self, inner: ObjectStore, meanwhile: Callable[[], Any]):
        super().__init__(inner)
        self._meanwhile = meanwhile

    def list_objects(self, prefix: str) -> dict[str, Stored]:
        found = self.inner.list_objects(prefix)
        if prefix.startswith("trees/"):
            self._meanwhile()
        return found


class BeforeLook(Around):
    """Lets something happen, once, when a deletion has begun and looks at its mark again."""

    def __init__(self, inner: ObjectStore, meanwhile: Callable[[], Any]):
        super().__init__(inner)
        self._waiting, self._n_deleted = [meanwhile], 0

    def delete(self, keys: Iterable[str]) -> None:
        self._n_deleted += 1
        self.inner.delete(keys)

    def get(self, key: str) -> bytes | None:
        if key.startswith("gc/") and self._n_deleted and self._waiting:
            self._waiting.pop()()
        return self.inner.get(key)
