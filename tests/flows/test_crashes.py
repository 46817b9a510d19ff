"""kill -9 in the middle of a stage: the version is the same as of a run that nobody disturbed.

`python -m benchmarks.crashes` does every stage with every victim and prints the table.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CACHE, package_file
from tests.flows.cluster import Cluster, cluster
from tests.flows.crashing import Victim, kill_in
from tests.flows.test_operation import recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photo() -> str:
    return str(package_file("ultralytics", "ultralytics/assets/bus.jpg"))


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, photo: str) -> Iterator[Cluster]:
    """A server with a store that holds what an undisturbed run publishes."""
    folder = tmp_path_factory.mktemp("crashes")
    environment = {
        "MATTEFLOW_HOME": str(folder / "home"),
        "MATTEFLOW_MODELS": str(CACHE / "models"),
        "MATTEFLOW_STORE": (folder / "store").as_uri(),
    }
    with cluster(folder / "cluster", environment) as made:
        worker = made.start_worker()
        chosen = recipe(folder, "crashes")
        ended = made.wait(made.start("ingest/ingest-manual", sources=photo, recipe=chosen))
        assert "Published CustomSeg_Person_20261122_crashes v1" in ended.message
        worker.kill()
        made.workers.clear()
        yield made


@pytest.mark.parametrize(
    ("victim", "stage", "found", "mended_by"),
    [
        pytest.param("flow", "detect", "Crashed", "Retry", id="its process, while detecting"),
        pytest.param("worker", "matte", "Crashed", "Retry", id="the worker, while matting"),
        pytest.param("server", "sample", "Completed", "nothing", id="the server, while sampling"),
        pytest.param("both", "filter", "Crashed", "Retry", id="the host, while filtering"),
    ],
)
def test_a_run_that_lost(
    victim: Victim,
    stage: str,
    found: str,
    mended_by: str,
    team: Cluster,
    photo: str,
    tmp_path: Path,
) -> None:
    asked = {"sources": photo, "recipe": recipe(tmp_path, "crashes")}
    after = kill_in(team, stage, victim, tmp_path / "gate", asked)
    assert (after.first, after.mended_by, after.last.state) == (found, mended_by, "Completed")
    # A version that is named by its bytes: unchanged is the same, byte for byte.
    assert "Unchanged, still CustomSeg_Person_20261122_crashes v1" in after.last.message
