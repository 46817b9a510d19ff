"""Trees of one and of two samples, built once for the modules that push them again and again."""

import pytest

from tasks.common.artifacts import Workspace
from tasks.common.records import StageResult
from tests.publish.trees import kept_tree


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def one(workspace: Workspace) -> StageResult:
    return kept_tree(workspace, "a")


@pytest.fixture(scope="module")
def two(workspace: Workspace) -> StageResult:
    return kept_tree(workspace, "a", "b")
