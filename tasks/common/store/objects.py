"""The interface of an object store, implemented by a folder and by a bucket."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Content(NamedTuple):
    """The expected bytes of an object, digests in hex; `md5` is None if it is not recorded."""

    size_bytes: int
    sha256: str
    md5: str | None = None


class Stored(NamedTuple):
    """An object in a listing.

    `md5` is None if the store gives none. Before `probe` it may be an ETag that is not an MD5, as
    under some encryption.
    """

    size_bytes: int
    md5: str | None = None

    def may_hold(self, content: Content) -> bool:
        """Say whether the listing is consistent with these bytes."""
        has_other_md5 = self.md5 and content.md5 and self.md5 != content.md5
        return self.size_bytes == content.size_bytes and not has_other_md5


class ObjectStore(Protocol):
    """Whole objects under keys with slashes; readers see a complete object or none.

    Every method may raise WorldError (a retry may work) and InputError (credentials, permissions,
    disk space or the URI must be fixed); the message says which.
    """

    n_connections: int

    def url(self, key: str) -> str:
        """Return the URI of a key."""

    def list_objects(self, prefix: str) -> dict[str, Stored]:
        """Return every object whose key starts with `prefix`, which ends with a slash."""

    def list_folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly under `prefix`, sorted."""

    def get(self, key: str) -> bytes | None:
        """Return the bytes of an object, or None when there is none."""

    def fetch(self, key: str, target: Path) -> bool:
        """Write an object's bytes to a new local file; say whether there was one."""

    def put(self, key: str, data: bytes, sha256: str) -> None:
        """Write an object atomically, and wait until it is durable."""

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        """Write the bytes of a local file, which may be larger than memory, as `put` does."""

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write an object only if there is none; say whether this call certainly wrote it."""

    def copy(self, source: str, target: str, content: Content) -> bool:
        """Copy an object to a second key within the store; say whether it was copied.

        False if the source is missing or does not hold `content`. The caller must then put the
        object: a server that ignores conditions may have written other bytes to the second key.
        """

    def swap(self, key: str, expected: bytes | None, data: bytes) -> bool:
        """Replace an object only if it still holds `expected`; say whether it did."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; a missing object is no error."""

    def probe(self) -> None:
        """Check, before any work, that the store can be written and honours conditions."""


def in_parallel(work: Callable[[T], R], items: Iterable[T], store: ObjectStore) -> Iterator[R]:
    """Yield the results in the order of the items, with a thread per connection of the store.

    After the first error waiting items are cancelled and running ones finish.
    """
    # Threads, since the time goes into waiting; more of them than connections would only queue.
    pool = ThreadPoolExecutor(store.n_connections, thread_name_prefix="store")
    failures: list[BaseException] = []

    def unless_failed(item: T) -> R:
        if failures:  # `map` raises an error only after all earlier items, which may take long
            raise failures[0]
        try:
            return work(item)
        except BaseException as error:
            failures.append(error)
            raise

    try:
        yield from pool.map(unless_failed, items)
    finally:
        # Also when the reader stops early: the results of waiting items are not needed then.
        pool.shutdown(cancel_futures=True)
