"""A subset that is collected in batches: what earlier runs gave is published too."""

from pathlib import Path

import pytest

from flows.engine.earlier_runs import earlier_runs, join_outcomes, require_joinable
from flows.engine.run_record import RunRecord, save_run
from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.records import Publication, SourceOutcome
from tasks.common.schema.rows import MediaRow
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.publish.task import open_registry, retire_version
from tests.dataset.crops import Crop
from tests.dataset.trees import NAME, NOW, push_samples
from tests.flows.builders import recipe_of, record_run

GROWING = recipe_of(("note: small\n", "note: small\n  accumulate: true\n"))


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.of(settings())


@pytest.fixture
def store(tmp_path: Path) -> str:
    return (tmp_path / "store").as_uri()


def published(
    workspace: Workspace, run_id: str, *names: str, recipe: Recipe = GROWING, version: int = 1
) -> RunRecord:
    crops = {name: [Crop("a")] for name in names}
    record = record_run(workspace, crops, recipe=recipe, run_id=run_id)
    counts = dict.fromkeys(
        ("n_samples", "n_train", "n_val", "n_files", "n_bytes", "n_uploaded", "n_copied",
         "n_present"), 0)  # fmt: skip
    made = Publication(name=recipe.publish.name, version=version, tree_id="t", url="u", is_new=True,
                       **counts)  # fmt: skip
    done = record.model_copy(update={"publication": made})
    save_run(done, workspace)
    return done


def failed(outcome: SourceOutcome) -> SourceOutcome:
    return outcome.model_copy(update={"error": "gone", "failed_stage": "download"})


def names_of(outcomes: tuple[SourceOutcome, ...]) -> list[str]:
    return [outcome.source.source_id for outcome in outcomes]


def test_only_published_runs_of_the_subset_count_oldest_first(
    workspace: Workspace, store: str
) -> None:
    other = recipe_of(("note: small\n", "note: other\n  accumulate: true\n"))
    published(workspace, "run-2", "b")
    published(workspace, "run-1", "a")
    published(workspace, "run-3", "c", recipe=other)
    record_run(workspace, {"never": [Crop("a")]}, recipe=GROWING, run_id="run-4")
    found = earlier_runs(GROWING, workspace, store)
    assert [record.run_id for record in found] == ["run-1", "run-2"]
    assert [r.run_id for r in earlier_runs(GROWING, workspace, store, before="run-2")] == ["run-1"]
    assert earlier_runs(recipe_of(), workspace, store) == []


def test_what_a_retired_version_was_made_of_is_not_taken_again(
    workspace: Workspace, store: str
) -> None:
    registry = open_registry(store)
    commit = push_samples(workspace, registry.store, "a")
    assert commit.name == NAME
    published(workspace, "run-1", "a")
    published(workspace, "run-2", "b", version=2)
    retire_version(registry, commit, "bad batch", NOW)
    found = earlier_runs(GROWING, workspace, store)
    assert [record.run_id for record in found] == ["run-2"]


def test_each_source_comes_once_in_its_old_place_with_its_newest_outcome(
    workspace: Workspace,
) -> None:
    first = published(workspace, "run-1", "a", "b")
    second = published(workspace, "run-2", "b", "c")
    now = record_run(workspace, {"d": [Crop("a")], "a": [Crop("z")]}, recipe=GROWING).outcomes
    found = join_outcomes(now, [first, second], GROWING, workspace)
    assert names_of(found) == ["a", "b", "c", "d"]
    assert found[0] == now[1]
    assert found[1] == second.outcomes[0]


def test_a_source_that_fails_today_is_published_as_it_was(workspace: Workspace) -> None:
    first = published(workspace, "run-1", "a")
    never = failed(published(workspace, "run-2", "x").outcomes[0])
    found = join_outcomes([failed(first.outcomes[0]), never], [first], GROWING, workspace)
    assert found == (first.outcomes[0], never)


def test_a_run_that_was_measured_otherwise_is_refused_unless_its_sources_are_done_anew(
    workspace: Workspace,
) -> None:
    other = recipe_of(
        ("note: small\n", "note: small\n  accumulate: true\n"), ("fall-yolov8s", "yolo11n")
    )
    old = published(workspace, "run-1", "a", recipe=other)
    with pytest.raises(InputError, match="run-1 was made with a different detect part"):
        require_joinable([old], (), GROWING)
    require_joinable([old], [old.outcomes[0].source], GROWING)


def with_media(workspace: Workspace, record: RunRecord, media_id: str) -> RunRecord:
    """Return a run whose sources brought these bytes."""
    row = MediaRow(
        media_id=media_id, path=f"m/{media_id}", size_bytes=1, kind="image", codec="png",
        width_px=1, height_px=1, frame_rate=None, duration_s=None, rotation_deg=0,
        projection="flat", digest=media_id,
    )  # fmt: skip
    out = ArtifactWriter(workspace, "download", f"{media_id}{'0' * 39}")
    result = out.commit_rows(MediaRow, [row], [], n_in=1)
    outcomes = tuple(o.model_copy(update={"stages": (result,)}) for o in record.outcomes)
    return record.model_copy(update={"outcomes": outcomes})


def test_a_source_with_other_bytes_stops_what_accumulates(workspace: Workspace) -> None:
    first = with_media(workspace, published(workspace, "run-1", "a", "b"), "m")
    now = with_media(workspace, record_run(workspace, {"a": [Crop("z")]}, recipe=GROWING), "n")
    with pytest.raises(InputError, match=r"1 sources have other bytes .*: a \(run run-1\)"):
        join_outcomes(now.outcomes, [first], GROWING, workspace)
    same = with_media(workspace, now, "m")
    assert names_of(join_outcomes(same.outcomes, [first], GROWING, workspace)) == ["a", "b"]
    replace = recipe_of(("note: small\n", "note: small\n  accumulate: replace\n"))
    assert join_outcomes(now.outcomes, [first], replace, workspace)[0] == now.outcomes[0]
