"""kill -9 in the middle of a stage: the version is the same as of a run that nobody disturbed.

`python -m benchmarks.crashes` does every stage with every victim and prints the table.
"""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.conftest import CACHE, package_file
from tests.flows.cluster import Cluster, cluster
from tests.flows.crashing import Aftermath, Struck, Victim, kill_in, mend, strike
from tests.flows.test_operation import recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photo() -> str:
    return str(package_file("ultralytics", "ultralytics/assets/bus.jpg"))


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, photo: str) -> Iterator[Cluster]:
    """A server with a store that holds what an undisturbed run publishes, and a worker."""
    folder = tmp_path_factory.mktemp("crashes")
    environment = {
        "MATTEFLOW_HOME": str(folder / "home"),
        "MATTEFLOW_MODELS": str(CACHE / "models"),
        "MATTEFLOW_STORE": (folder / "store").as_uri(),
    }
    with cluster(folder / "cluster", environment) as made:
        made.start_worker()
        chosen = recipe(folder, "crashes")
        ended = made.wait(made.start("ingest/ingest-manual", sources=photo, recipe=chosen))
        assert "Published CustomSeg_Person_20261122_crashes v1" in ended.message
        yield made


def prepared(team: Cluster, folder: Path, stage: str) -> Path:
    """Make the gate of a run that finds what the models gave the undisturbed one.

    Not of the stage that it is killed in. Artifacts are named by content: the masks of other crops
    than the undisturbed run's would not be found, and the model would be asked.
    """
    for computed in {"detect", "matte"} - {stage}:
        there = Path(team.environment["MATTEFLOW_HOME"], "workspace", computed)
        copytree(there, folder / "gate" / "home" / "workspace" / computed)
    return folder / "gate"


@pytest.fixture(scope="module")
def lost_host(team: Cluster, photo: str, tmp_path_factory: pytest.TempPathFactory) -> Struck:
    """A run whose process and worker are killed at once.

    The server takes 90 s to notice. They pass while other tests kill, of which none may stop the
    server any more.
    """
    folder = tmp_path_factory.mktemp("host")
    asked = {"sources": photo, "recipe": recipe(folder, "crashes")}
    return strike(team, "filter", "both", prepared(team, folder, "filter"), asked)


def assert_same_version(after: Aftermath, found: str, mended_by: str) -> None:
    assert (after.first, after.mended_by, after.last.state) == (found, mended_by, "Completed")
    # A version that is named by its bytes: unchanged is the same, byte for byte.
    assert "Unchanged, still CustomSeg_Person_20261122_crashes v1" in after.last.message


def test_a_run_outlives_the_server_that_is_killed_while_it_samples(
    team: Cluster, photo: str, tmp_path: Path
) -> None:
    asked = {"sources": photo, "recipe": recipe(tmp_path, "crashes")}
    after = kill_in(team, "sample", "server", prepared(team, tmp_path, "sample"), asked)
    assert_same_version(after, "Completed", "nothing")


@pytest.mark.usefixtures("lost_host")
@pytest.mark.parametrize(
    ("victim", "stage"),
    [
        pytest.param("flow", "detect", id="its process, while detecting"),
        pytest.param("worker", "matte", id="the worker, while matting"),
    ],
)
def test_a_run_that_lost(
    victim: Victim, stage: str, team: Cluster, photo: str, tmp_path: Path
) -> None:
    asked = {"sources": photo, "recipe": recipe(tmp_path, "crashes")}
    after = kill_in(team, stage, victim, prepared(team, tmp_path, stage), asked)
    assert_same_version(after, "Crashed", "Retry")


def test_a_run_that_lost_its_host_while_filtering(team: Cluster, lost_host: Struck) -> None:
    assert_same_version(mend(team, lost_host), "Crashed", "Retry")
