"""One stage of one source again: what is computed, what is not, and what is refused."""

from collections import Counter
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from flows.engine.run_record import RunRecord, load_run
from flows.rerun import rerun
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.detect import detector
from tasks.matte.session import matte
from tests.flows.test_ingest import forbid_models, recipe_file, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def record(tmp_path: Path, bus_photo: Path, computed: None) -> RunRecord:
    media = tmp_path / "media"
    media.mkdir()
    copyfile(bus_photo, media / "bus.jpg")
    _, record = run(media, recipe_file(tmp_path), publish="never")
    return record


def markers(record: RunRecord) -> dict[str, int]:
    """Return, by stage, when its artifact was finished last."""
    workspace = Workspace.of(settings())
    results = record.outcomes[0].stages
    return {
        result.stage: workspace.path(f"{workspace.folder(result.stage, result.key)}/artifact.json")
        .stat()
        .st_mtime_ns
        for result in results
    }


def made_again(record: RunRecord, **parameters: Any) -> tuple[str | None, set[str]]:
    """Do the rerun; return how it ended and which stages' artifacts were written anew."""
    before = markers(record)
    state = rerun(source="bus.jpg", return_state=True, **parameters)
    after = markers(record)
    return state.name, {stage for stage in before if after[stage] != before[stage]}


@pytest.mark.parametrize("stage", ["download", "sample", "screen", "filter"])
def test_a_stage_is_computed_again_and_what_depends_on_the_same_is_not(
    stage: str, record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_models(monkeypatch)
    assert made_again(record, stage=stage) == ("Completed", {stage})


def test_a_model_that_must_run_again_really_runs(
    record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_calls = Counter[str]()

    def count(*given: Any) -> Any:
        n_calls["matte"] += 1
        return matte(*given)

    monkeypatch.setattr("tasks.matte.cache.matte", count)
    assert made_again(record, stage="matte") == ("Completed", {"matte"})
    screened = record.outcomes[0].result("screen")
    assert screened is not None
    assert n_calls["matte"] == screened.n_out > 0


def test_without_refresh_nothing_that_is_good_is_computed(
    record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_models(monkeypatch)
    assert made_again(record, stage="detect", refresh=False) == ("Completed", set())


def test_without_downstream_the_pipeline_ends_at_the_stage(
    record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_models(monkeypatch)
    workspace = Workspace.of(settings())
    final = record.outcomes[0].result("filter")
    assert final is not None
    workspace.invalidate("filter", final.key)
    state = rerun(stage="sample", source="bus.jpg", downstream=False, return_state=True)
    assert state.name == "Completed"
    assert workspace.find("filter", final.key) is None


def test_a_stage_that_fails_again_says_why(
    record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise RuntimeError("the weights are gone")

    monkeypatch.setattr(detector, "_load", refuse)
    state = rerun(stage="detect", source="bus.jpg", return_state=True)
    assert (state.name, state.message) == (
        "StillFailing", "bus.jpg failed at detect: the weights are gone",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        pytest.param(
            {"stage": "detect", "source": "bus.jpeg"},
            "No finished run had a source 'bus.jpeg'. Similar ids: bus.jpg.", id="source",
        ),
        pytest.param(
            {"stage": "detect", "source": "bus.jpg", "run": "monday"},
            "There is no run monday in", id="run",
        ),
        pytest.param(
            {"stage": "pose", "source": "bus.jpg"},
            "has no pose stage, since its recipe (test) names no pose model", id="stage",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_again_is_refused(
    parameters: dict[str, Any], sentence: str, record: RunRecord
) -> None:
    before = load_run(Workspace.of(settings()), None)
    state = rerun(return_state=True, **parameters)
    assert (state.name, sentence in str(state.message)) == ("BadInput", True), state.message
    assert load_run(Workspace.of(settings()), None) == before


def test_before_the_first_run_there_is_nothing_to_do_again() -> None:
    state = rerun(stage="detect", source="bus.jpg", return_state=True)
    assert "No finished run had a source 'bus.jpg'; start an ingest first." in str(state.message)
