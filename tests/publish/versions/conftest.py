"""Stores for the tests of versions: both kinds, or a folder that waits for no disk."""

from pathlib import Path

import boto3
import pytest

from tasks.common.store.address import open_store
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore


@pytest.fixture(scope="session")
def boto3_sessions() -> list[boto3.session.Session]:
    """Where the first test leaves its session: a new one reads its models for 0.2 s."""
    return []


@pytest.fixture
def any_store(
    store_address: str,
    boto3_sessions: list[boto3.session.Session],
    monkeypatch: pytest.MonkeyPatch,
) -> ObjectStore:
    """An empty store, as a folder and then on a server."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    if store_address.startswith("s3:"):
        if not boto3_sessions:
            boto3_sessions.append(boto3.session.Session())
        monkeypatch.setattr(boto3.session, "Session", lambda: boto3_sessions[0])
    return open_store(store_address)


@pytest.fixture
def folder_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """An empty store in a folder."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    return FolderStore(tmp_path / "store")
