"""The same ingest on a Dask cluster: another task runner, the same version."""

from pathlib import Path
from shutil import copyfile

import pytest

from flows.engine.task_runner import task_runner
from flows.ingest import ingest
from tasks.common.settings import settings
from tests.flows.test_ingest import recipe_file, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


def test_dask_publishes_what_threads_do(
    tmp_path: Path, bus_photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = tmp_path / "media"
    media.mkdir()
    copyfile(bus_photo, media / "bus.jpg")
    recipe = recipe_file(tmp_path)
    _, here = run(media, recipe)
    monkeypatch.setenv("MATTEFLOW_TASK_RUNNER", "dask")
    monkeypatch.setenv("MATTEFLOW_SOURCES_IN_FLIGHT", "1")
    monkeypatch.setenv("MATTEFLOW_STORE", settings().store)
    monkeypatch.setenv("MATTEFLOW_HOME", str(tmp_path / "another machine"))
    settings.cache_clear()
    on_dask = ingest.with_options(task_runner=task_runner())
    state = on_dask(sources=str(media), recipe=recipe, return_state=True)
    assert "Unchanged, still CustomSeg_Person_20261122_test v1" in str(state.message)
    assert here.publication is not None
    assert len(list((settings().workspace / "matte").rglob("artifact.json"))) == 1
