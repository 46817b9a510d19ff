"""Stores for the tests of versions: both kinds, or a folder that waits for no disk."""

from pathlib import Path

import pytest

from tasks.common.records import StageResult
from tasks.common.store.address import open_store
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import kept_tree


@pytest.fixture
def any_store(store_address: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An empty store, as a folder and then on a server."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    return open_store(store_address)


@pytest.fixture
def folder_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """An empty store in a folder."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    return FolderStore(tmp_path / "store")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def one(workspace: Workspace) -> StageResult:
    return kept_tree(workspace, "a")


@pytest.fixture(scope="module")
def two(workspace: Workspace) -> StageResult:
    return kept_tree(workspace, "a", "b")
