"""A workspace with one run, its desk, and a client of it."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flows.desk.site import Site
from tasks.common.workspace.artifacts import Workspace
from tests.flows.desk.builders import client_of, desk_over, run_over


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def site(workspace: Workspace, tmp_path: Path) -> Site:
    run_over(workspace)
    return desk_over(workspace, tmp_path)


@pytest.fixture
def client(site: Site) -> TestClient:
    return client_of(site)


@pytest.fixture(scope="session")
def read_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A desk for tests that only look, built once."""
    folder = tmp_path_factory.mktemp("desk")
    run_over(Workspace(folder / "workspace"))
    return desk_over(Workspace(folder / "workspace"), folder)


@pytest.fixture(scope="session")
def read_client(read_site: Site) -> TestClient:
    return client_of(read_site)
