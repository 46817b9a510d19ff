"""Where tests of growing subsets work: the workspace of the settings, an empty folder store."""

from pathlib import Path

import pytest

from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The address of an empty folder store."""
    return (tmp_path / "store").as_uri()


@pytest.fixture
def workspace() -> Workspace:
    """The workspace that the flow functions find by themselves."""
    return Workspace.of(settings())
