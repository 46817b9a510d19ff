"""Scenes, work orders, versions: what their pages show, and what they start."""

import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from flows.desk.jobs import Jobs
from flows.desk.recipes import recipes_folder
from flows.desk.site import Site
from tasks.common.errors import InputError
from tasks.common.workspace.artifacts import Workspace
from tests.flows.desk.builders import client_of, crop_id, decide, desk_over


def post(client: TestClient, site: Site, path: str, **body: Any) -> Any:
    return client.post(path, json=body, headers={"x-desk-csrf": site.access.csrf})


@pytest.fixture
def started(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the commands that the desk would have started."""
    commands: list[list[str]] = []

    class Noted:
        def __init__(self, title: str, arguments: list[str]):
            self.title, self.arguments = title, arguments

        def plain(self) -> dict[str, Any]:
            return {"number": 1, "title": self.title}

    def start(_: Jobs, title: str, arguments: list[str]) -> Noted:
        commands.append(arguments)
        return Noted(title, arguments)

    monkeypatch.setattr(Jobs, "start", start)
    return commands


# Scenes.


def test_a_scene_is_given_to_a_whole_source_and_stays(
    site: Site, client: TestClient, workspace: Workspace, tmp_path: Path
) -> None:
    assert client.get("/api/view?scene=beach").json()["total"] == 0
    answer = post(client, site, "/api/scenes", sources=["street"], add=["park"], remove=[])
    assert answer.json()["n"] == 1
    answer = post(client, site, "/api/scenes", sources=["street"], remove=["park"])
    assert answer.status_code == 200
    assert client.get("/api/view?scene=park").json()["total"] == 1
    again = client_of(desk_over(workspace, tmp_path))
    assert again.get("/api/view?scene=park").json()["total"] == 1


def test_a_scene_is_given_to_one_crop(site: Site, client: TestClient) -> None:
    post(client, site, "/api/scenes", crops=[crop_id("street", "a")], remove=["park"])
    assert client.get("/api/view?scene=park&source=street").json()["total"] == 5


@pytest.mark.parametrize(
    "body",
    [
        {"sources": ["street"], "add": ["moon"]},
        {"sources": ["nobody"], "add": ["park"]},
        {"sources": ["street"]},
        {"crops": ["nobody"], "add": ["park"]},
    ],
)
def test_a_scene_or_source_that_is_not_there_is_refused(
    read_site: Site, read_client: TestClient, body: dict[str, Any]
) -> None:
    assert post(read_client, read_site, "/api/scenes", **body).status_code == 400


def test_the_page_counts_kept_crops_per_scene(read_client: TestClient) -> None:
    html = read_client.get("/scenes").text
    assert "park" in html
    assert "street" in html


# Work orders.


def test_a_selection_goes_out_as_a_work_order(
    site: Site, client: TestClient, started: list[list[str]]
) -> None:
    ids = [crop_id("street", "a"), crop_id("street", "f")]
    answer = post(client, site, "/api/order", crops=ids, format="psd")
    assert answer.status_code == 200
    (command,) = started
    assert command[:4] == ["review", "send", "run-1", "--pick"]
    # Without a mask there is nothing to correct.
    assert Path(command[4]).read_text().split() == [crop_id("street", "a")]
    assert command[command.index("--format") + 1] == "psd"


def test_without_a_selection_all_of_the_view_goes_out(
    site: Site, client: TestClient, started: list[list[str]]
) -> None:
    post(client, site, "/api/order?verdict=review")
    assert Path(started[0][4]).read_text().split() == [crop_id("street", "d")]


def test_crops_without_masks_make_no_order(
    site: Site, client: TestClient, started: list[list[str]]
) -> None:
    answer = post(client, site, "/api/order", crops=[crop_id("street", "f")])
    assert answer.status_code == 400
    assert started == []


# Versions.


def test_the_page_says_what_would_come_in(site: Site, client: TestClient) -> None:
    from flows.desk.versions import what_comes

    assert len(what_comes(site.desk, "CustomSeg_Person_20261122_small").added) == 4
    decide(client, site, "keep", crop_id("street", "e"))
    decide(client, site, "drop", crop_id("street", "a"), reason="other")
    coming = what_comes(site.desk, "CustomSeg_Person_20261122_small")
    assert crop_id("street", "e") in coming.added
    assert crop_id("street", "a") not in coming.added
    assert client.get("/versions").status_code == 200


def test_publishing_starts_the_command(
    site: Site, client: TestClient, started: list[list[str]]
) -> None:
    assert post(client, site, "/api/publish", run="run-1").status_code == 200
    assert started[0][:2] == ["publish", "run-1"]


@pytest.mark.parametrize("recipe", ["../../etc/passwd", "none"])
def test_publishing_takes_saved_recipes_only(
    site: Site, client: TestClient, started: list[list[str]], recipe: str
) -> None:
    assert post(client, site, "/api/publish", run="run-1", recipe=recipe).status_code == 400
    assert started == []
    assert not recipes_folder().exists()


def test_a_run_that_the_desk_does_not_show_is_not_published(
    site: Site, client: TestClient, started: list[list[str]]
) -> None:
    assert post(client, site, "/api/publish", run="--help").status_code == 400
    assert started == []


@pytest.mark.parametrize("version", ["--remove", "x@v1", "CustomSeg_Person_20261122_a@v1 b"])
def test_only_a_version_is_rolled_back_to(
    site: Site, client: TestClient, started: list[list[str]], version: str
) -> None:
    assert post(client, site, "/api/rollback", version=version).status_code == 400
    assert started == []


def test_versions_that_are_not_there_cannot_be_compared(read_client: TestClient) -> None:
    answer = read_client.get("/diff?before=CustomSeg_Person_20261122_a@v1&after=x")
    assert answer.status_code == 400


# Jobs.


@pytest.mark.service
def test_a_job_runs_beside_the_desk_and_shows_what_it_prints() -> None:
    jobs = Jobs()
    job = jobs.start("publish", ["--help"])
    for _ in range(600):
        if job.state != "running":
            break
        time.sleep(0.1)
    assert job.state == "done"
    assert any("Turn shared videos" in line for line in job.lines)
    assert job.command == "matteflow --help"


@pytest.mark.service
def test_a_failed_job_says_so_and_a_third_one_waits() -> None:
    jobs = Jobs()
    first = jobs.start("rollback", ["nonsense"])
    jobs.start("rollback", ["nonsense"])
    with pytest.raises(InputError, match="Two jobs"):
        jobs.start("rollback", ["nonsense"])
    while first.state == "running":
        time.sleep(0.1)
    assert first.state == "failed"
    assert first.lines
