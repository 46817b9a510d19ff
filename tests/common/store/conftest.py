"""Stores that are open, and time that passes at once."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.common.store.address import open_store
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.store.s3 import S3Store
from tests.common.store.stores import SECRET_KEY, SESSION_TOKEN, client_of, open_bucket


@pytest.fixture(
    params=[
        "folder",
        pytest.param("s3", marks=pytest.mark.service),
        pytest.param("moto", marks=pytest.mark.service),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    """An empty store: a folder, one on the server, one of another program that speaks S3."""
    if request.param == "folder":
        yield open_store((tmp_path / "store").as_uri())
    elif request.param == "s3":
        yield open_store(request.getfixturevalue("s3_address"))
    else:
        import moto  # here, since it takes half a second

        _answer_one_at_a_time(request.getfixturevalue("monkeypatch"))
        with moto.mock_aws():
            opened = open_store("s3://tests/in-process")
            assert isinstance(opened, S3Store)
            client_of(opened).create_bucket(Bucket="tests")  # a client of its own takes 0.2 CPU-s
            yield opened


def _answer_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto answer one request after the other.

    It is not made for threads: two copies to one key close each other's temporary file, for one.
    What a store promises of requests at once is tested on the folder and on the real server.
    """
    from moto.core.botocore_stubber import BotocoreStubber

    answer, turn = BotocoreStubber.__call__, threading.Lock()

    def answer_in_turn(*args: Any, **kwargs: Any) -> Any:
        with turn:
            return answer(*args, **kwargs)

    monkeypatch.setattr(BotocoreStubber, "__call__", answer_in_turn)


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    """An empty folder store."""
    return FolderStore(tmp_path / "store")


@pytest.fixture
def bucket(s3_address: str) -> S3Store:
    """An empty store on the server, which is asked once only."""
    return open_bucket(s3_address)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A store without a server, for made-up answers; its keys are secret ones."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION_TOKEN)
    return open_bucket("s3://tests/nowhere")


@pytest.fixture
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk, where many writes would make a test slow."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let no time pass between tries; returns how long each wait would have been."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits
