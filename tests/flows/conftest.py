"""One embedded Prefect server for all flow tests; results of each test apart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tiers import needs


@pytest.fixture(scope="session")
def _server() -> Iterator[None]:
    # Imported here, since it brings the whole server: 5 CPU-s that tests without a server save.
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture
@needs("slow")
def prefect_server(_server: None, tmp_path: Path) -> Iterator[None]:
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    folder = tmp_path / "home" / "workspace" / "results"
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: folder}):
        yield
