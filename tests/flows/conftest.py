"""One Prefect server for all flow tests of a process, one run of the models; all else apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile, copytree

import pytest

from tasks.common.settings import settings
from tests.conftest import CACHE
from tests.flows.cluster import Cluster
from tests.tiers import needs


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server in a process of its own.

    Prefect's own harness migrates a new database each time, and imports the whole server here, too:
    15 CPU-s more. What it does about settings and about what is still to be sent is done as there.
    """
    from prefect import context
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    # As an embedded server is started: without what watches over a team's runs.
    embedded = {
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    }
    server = Cluster(tmp_path_factory.mktemp("prefect-server"), embedded)
    try:
        server.start_server()
        url = server.environment["PREFECT_API_URL"]
        with (
            temporary_settings({PREFECT_API_URL: url}),
            context._temporary_global_settings_context(context.get_settings_context()),
        ):
            yield
            for worker in (APILogWorker, EventsWorker):
                worker.drain_all(timeout=30)
    finally:
        server.stop()


@pytest.fixture
@needs("slow")
def prefect_server(_server: None, tmp_path: Path) -> Iterator[None]:
    with _results_in(tmp_path / "home"):
        yield


@contextmanager
def _results_in(home: Path) -> Iterator[None]:
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: home / "workspace" / "results"}):
        yield


@pytest.fixture(scope="session")
def _ingested(_server: None, tmp_path_factory: pytest.TempPathFactory, bus_photo: Path) -> Path:
    """The workspace of a run over the photo."""
    from flows.ingest import ingest
    from tests.flows.test_ingest import recipe_file

    folder = tmp_path_factory.mktemp("ingested")
    home = folder / "home"
    copyfile(bus_photo, folder / "bus.jpg")
    with pytest.MonkeyPatch.context() as patch, _results_in(home):
        patch.setenv("MATTEFLOW_HOME", str(home))
        patch.setenv("MATTEFLOW_MODELS", str(CACHE / "models"))
        settings.cache_clear()
        recipe = recipe_file(folder)
        ingest(sources=str(folder / "bus.jpg"), recipe=recipe, publish="never")
    settings.cache_clear()
    return home / "workspace"


@pytest.fixture
def computed(_ingested: Path, tmp_path: Path) -> None:
    """Crops and mattes of the photo in the test's workspace, which has no run and no source yet.

    For tests of what comes after the models, which need most of an ingest's time.
    """
    for stage in ("detect", "matte"):
        copytree(_ingested / stage, tmp_path / "home" / "workspace" / stage)
