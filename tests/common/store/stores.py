"""What the tests of the stores share: contents, threads that start together, made-up answers."""

import hashlib
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pytest
from botocore.awsrequest import AWSResponse

from tasks.common.files import digest_bytes
from tasks.common.store.address import open_store
from tasks.common.store.objects import Content, ObjectStore
from tasks.common.store.s3 import S3Store

T = TypeVar("T")
R = TypeVar("R")
SECRET_KEY = "SeCrEt/kEy+ThatNobody/MaySee"
SESSION_TOKEN = "ToKeN+ThatNobody/MaySee=="


def ignores_conditions_of_copies(request: pytest.FixtureRequest) -> bool:
    """Say whether the store of a test is moto's, which copies whatever the source holds."""
    return "moto" in request.node.callspec.id


def content_of(data: bytes) -> Content:
    """Return what an object with these bytes must hold."""
    return Content(len(data), digest_bytes(data), md5_of(data))


def md5_of(data: bytes) -> str:
    """Return the MD5 in hex, as hashlib finds it."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def put(store: ObjectStore, key: str, data: bytes) -> None:
    """Put bytes with the digest that belongs to them."""
    store.put(key, data, digest_bytes(data))


def at_once(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Work on all items in as many threads, which start together; results in order."""
    waiting = list(items)
    ready = threading.Barrier(len(waiting), timeout=30)

    def start(item: T) -> R:
        ready.wait()
        return work(item)

    with ThreadPoolExecutor(len(waiting)) as pool:
        return list(pool.map(start, waiting))


def files_under(folder: Path) -> list[str]:
    """Return the names of all files under a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def as_logged(error: BaseException) -> str:
    """Return everything that a log shows of an error: its chain of causes, too."""
    return "".join(traceback.format_exception(error))


def open_bucket(address: str, attempts: int = 1) -> S3Store:
    """Open a store that must be a bucket; it asks once only, unless told otherwise."""
    store = open_store(address, attempts=attempts)
    assert isinstance(store, S3Store)
    return store


def client_of(store: S3Store) -> Any:
    """Return the boto3 client of a store."""
    return store._client


def on(store: S3Store, event: str, hook: Callable[..., Any]) -> None:
    """Call `hook` at an event of botocore, such as `before-send.s3.PutObject`."""
    client_of(store).meta.events.register(event, hook)


def ignore_conditions(store: S3Store, *names: str) -> None:
    """Leave out request parameters, as if the server had never heard of them."""

    def strip(params: dict[str, Any], **_: Any) -> None:
        for name in names:
            params.pop(name, None)

    on(store, "before-parameter-build.s3.PutObject", strip)


class Made(BytesIO):
    """The body of a made-up answer, as botocore reads it; may break off with an error."""

    def __init__(self, body: bytes, error: Exception | None = None):
        super().__init__(body)
        self._error = error

    def read(self, *args: Any, **_: Any) -> bytes:
        """Return bytes; at their end the error, if there is one."""
        found = super().read(*args)
        if not found and self._error:
            raise self._error
        return found

    def stream(self, **_: Any) -> Iterator[bytes]:
        """Yield all bytes."""
        yield self.read()


def made(status: int, body: bytes, error: Exception | None = None, **headers: str) -> AWSResponse:
    """Return an answer that no server gave; `a_b` is the header `a-b`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return AWSResponse("http://made-up", status, named, Made(body, error))


def refused(status: int, code: str, more: str = "", **headers: str) -> AWSResponse:
    """Return a refusal as S3 writes it, with `more` elements beside code and message."""
    text = f"<Error><Code>{code}</Code><Message>made up</Message>{more}</Error>"
    return made(status, text.encode() if code else b"", None, **headers)


def always(store: S3Store, answer: Callable[[], AWSResponse], action: str = "") -> list[Any]:
    """Answer every request, or those of one action, in place of the server; return the requests."""
    return only_first(store, None, answer, action)


def only_first(
    store: S3Store, n_times: int | None, answer: Callable[[], AWSResponse], action: str = ""
) -> list[Any]:
    """Answer the first requests in place of the server, which gets the later ones."""
    seen: list[Any] = []
    answers = islice(iter(answer, None), n_times)

    def reply(request: Any, **_: Any) -> AWSResponse | None:
        seen.append(request)
        return next(answers, None)

    on(store, f"before-send.s3.{action}" if action else "before-send.s3", reply)
    return seen
