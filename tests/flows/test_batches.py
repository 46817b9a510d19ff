"""Long lists are cut into batches; what is published does not depend on how."""

from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from flows.engine.batches import batch_folder, read_outcomes, write_batches
from flows.engine.run_record import load_run
from flows.ingest import ingest
from flows.ingest_batch import ingest_batch
from tasks.common.recipe.models import load_recipe
from tasks.common.records import Source
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tests.conftest import package_file
from tests.flows.test_ingest import recipe_file, run

SOURCES = [Source(source_id=f"s{number}", uri=f"/nowhere/{number}") for number in range(7)]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(1, [1] * 7, id="one each"),
        pytest.param(3, [3, 3, 1], id="a rest"),
        pytest.param(7, [7], id="all"),
        pytest.param(70, [7], id="more than there are"),
    ],
)
def test_every_source_is_in_one_batch_in_order(
    size: int, expected: list[int], tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    batches = write_batches("run", SOURCES, load_recipe("demo"), size, workspace)
    assert [len(batch.sources) for batch in batches] == expected
    assert [source for batch in batches for source in batch.sources] == SOURCES
    assert [batch.number for batch in batches] == list(range(1, len(expected) + 1))
    assert workspace.names("runs") == [
        f"{batch_folder('run', batch.number)}/batch.json" for batch in batches
    ]


def test_a_batch_that_was_not_finished_has_no_outcomes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (batch,) = write_batches("run", SOURCES, load_recipe("demo"), 7, workspace)
    assert read_outcomes(batch, "some-flow-run", workspace) is None


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    for name in ("bus.jpg", "zidane.jpg"):
        copyfile(package_file("ultralytics", f"ultralytics/assets/{name}"), folder / name)
    (folder / "a-page.mp4").write_text("<!DOCTYPE html><html></html>")
    return folder


def in_batches(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setenv("MATTEFLOW_BATCH_SIZE", str(size))
    settings.cache_clear()


def flow_runs(name: str) -> list[Any]:
    with get_client(sync_client=True) as client:
        flows = {flow.id: flow.name for flow in client.read_flows()}
        return [run for run in client.read_flow_runs(limit=200) if flows[run.flow_id] == name]


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server", "computed")
def test_a_list_in_batches_publishes_what_the_list_at_once_does(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_file(tmp_path)
    _, at_once = run(media, recipe, publish="partial")
    in_batches(monkeypatch, 1)
    before = {flow_run.id for flow_run in flow_runs("ingest-batch")}
    state, cut = run(media, recipe, publish="partial")
    made = [flow_run for flow_run in flow_runs("ingest-batch") if flow_run.id not in before]
    assert state.name == "PartialFailure"
    assert sorted(flow_run.state_name for flow_run in made) == [
        "Completed", "Completed", "PartialFailure",
    ]  # fmt: skip
    assert cut.outcomes == at_once.outcomes
    assert cut.publication is not None
    assert (cut.publication.version, cut.publication.is_new) == (1, False)


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_a_batch_that_is_not_there_says_so() -> None:
    state = ingest_batch("monday", 3, return_state=True)
    assert (state.name, "There is no batch 3 of a run 'monday'" in str(state.message)) == (
        "BadInput", True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server", "computed")
def test_sources_of_an_interrupted_batch_count_as_failed_and_the_rest_is_published(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (media / "a-page.mp4").unlink()
    in_batches(monkeypatch, 1)
    write = Workspace.write

    def lose(self: Workspace, relative: str, data: bytes, later: Any = None) -> None:
        if "/batches/0002/" in relative and not relative.endswith("batch.json"):
            raise OSError("the disk is gone")
        write(self, relative, data, later)

    monkeypatch.setattr(Workspace, "write", lose)
    state = ingest(
        sources=str(media), recipe=recipe_file(tmp_path), publish="partial", return_state=True
    )
    record = load_run(Workspace.of(settings()), None)
    assert (state.name, [outcome.source.source_id for outcome in record.failed]) == (
        "PartialFailure", ["zidane.jpg"],
    )  # fmt: skip
    assert "The flow run of batch 2 ended as Failed" in str(record.failed[0].error)
    assert record.publication is not None
