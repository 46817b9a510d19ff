"""Which runs of a workspace say more of what a subset that accumulates holds."""

from pathlib import Path

import pytest

from flows.engine.earlier_runs import RunOutcomes, earlier_runs, join_runs
from flows.engine.run_record import RunRecord, save_run
from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.records import Publication, SourceOutcome
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.task import open_registry, retire_version
from tests.dataset.crops import Crop
from tests.dataset.published import publish_without_prefect
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
    workspace: Workspace, store: str, run_id: str, *names: str, recipe: Recipe = GROWING
) -> RunRecord:
    """Save a run over sources with these names, and publish it alone."""
    crops = {name: [Crop("a")] for name in names}
    record = record_run(workspace, crops, recipe=recipe, run_id=run_id)
    return with_publication(
        workspace, record, publish_without_prefect(record.outcomes, recipe, store, NOW)
    )


def with_publication(workspace: Workspace, record: RunRecord, made: Publication) -> RunRecord:
    done = record.model_copy(update={"publication": made})
    save_run(done, workspace)
    return done


def names_of(outcomes: tuple[SourceOutcome, ...]) -> list[str]:
    return [outcome.source.source_id for outcome in outcomes]


def runs_of(workspace: Workspace, store: str, name: str = NAME) -> list[str]:
    return [record.run_id for record in earlier_runs(name, workspace, open_registry(store))]


def joined(
    record: RunRecord, workspace: Workspace, store: str, *also: str, recipe: Recipe = GROWING
) -> tuple[SourceOutcome, ...]:
    current = RunOutcomes(record.run_id, record.outcomes)
    return join_runs(current, also, recipe, workspace, store)


def failed(outcome: SourceOutcome) -> SourceOutcome:
    return outcome.model_copy(update={"error": "gone", "failed_stage": "download"})


def test_only_runs_that_this_store_has_count_oldest_first(
    workspace: Workspace, store: str, tmp_path: Path
) -> None:
    published(workspace, store, "run-1", "a")
    published(workspace, store, "run-2", "a", "b")
    published(workspace, store, "run-3", "c", recipe=recipe_of(("note: small\n", "note: other\n")))
    published(workspace, (tmp_path / "scratch").as_uri(), "run-4", "d")
    record_run(workspace, {"never": [Crop("a")]}, recipe=GROWING, run_id="run-5")
    workspace.write("runs/run-6/run.json", b"of another version")
    assert runs_of(workspace, store) == ["run-1", "run-2"]


def test_runs_of_retired_versions_do_not_count(workspace: Workspace, store: str) -> None:
    registry = open_registry(store)
    commit = push_samples(workspace, registry.store, "a")
    record = record_run(workspace, {"a": [Crop("a")]}, recipe=GROWING, run_id="run-1")
    values = dict.fromkeys(("n_samples", "n_train", "n_val", "n_files", "n_bytes", "n_uploaded",
                            "n_copied", "n_present"), 0)  # fmt: skip
    made = Publication(name=NAME, version=1, tree_id=commit.tree, url="", is_new=True, **values)
    with_publication(workspace, record, made)
    assert runs_of(workspace, store) == ["run-1"]
    retire_version(registry, commit, "bad batch", NOW)
    assert runs_of(workspace, store) == []


def test_each_source_comes_once_in_its_old_place_with_its_newest_outcome(
    workspace: Workspace, store: str
) -> None:
    published(workspace, store, "run-1", "a", "b", "d")
    second = record_run(
        workspace, {"b": [Crop("z")], "c": [Crop("a")]}, recipe=GROWING, run_id="run-2"
    )
    made = publish_without_prefect(joined(second, workspace, store), GROWING, store, NOW)
    with_publication(workspace, second, made)
    now = record_run(
        workspace, {"e": [Crop("a")], "a": [Crop("z")]}, recipe=GROWING, run_id="run-3"
    )
    found = joined(now, workspace, store)
    assert names_of(found) == ["d", "b", "c", "e", "a"]
    assert found[-1] == now.outcomes[1]
    assert found[1] == second.outcomes[0]


def test_a_source_that_fails_today_is_published_as_it_was(workspace: Workspace, store: str) -> None:
    first = published(workspace, store, "run-1", "a")
    never = failed(
        record_run(workspace, {"x": [Crop("a")]}, recipe=GROWING, run_id="run-0").outcomes[0]
    )
    now = first.model_copy(
        update={"run_id": "run-2", "outcomes": (failed(first.outcomes[0]), never)}
    )
    assert joined(now, workspace, store) == (first.outcomes[0], never)


def test_a_run_that_was_measured_otherwise_is_carried_over_and_refused_if_it_is_named(
    workspace: Workspace, store: str
) -> None:
    other = recipe_of(
        ("note: small\n", "note: small\n  accumulate: true\n"), ("fall-yolov8s", "yolo11n")
    )
    published(workspace, store, "run-1", "a", recipe=other)
    now = record_run(workspace, {"b": [Crop("a")]}, recipe=GROWING, run_id="run-2")
    assert names_of(joined(now, workspace, store)) == ["b"]
    with pytest.raises(InputError, match="run-1 was made with a different detect part"):
        joined(now, workspace, store, "run-1")


def test_a_source_that_the_base_version_lacks_joins_only_if_its_run_is_named(
    workspace: Workspace, store: str
) -> None:
    plain = recipe_of()
    published(workspace, store, "run-1", "a", "b", recipe=plain)
    published(workspace, store, "run-2", "a", recipe=plain)
    now = record_run(workspace, {"c": [Crop("a")]}, recipe=GROWING, run_id="run-3")
    assert names_of(joined(now, workspace, store)) == ["a", "c"]
    assert names_of(joined(now, workspace, store, "run-1")) == ["a", "b", "c"]
    assert names_of(joined(now, workspace, store, recipe=plain)) == ["c"]
