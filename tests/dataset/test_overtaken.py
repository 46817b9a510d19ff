"""Two publishers of one subset: the one that is overtaken builds its tree again."""

from pathlib import Path
from typing import Any

import pytest

from flows.engine import publication
from tasks.common.errors import WorldError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import load_recipe
from tasks.common.records import Publication, SourceOutcome, StageResult
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.publish import task
from tasks.publish.read import read_samples
from tasks.publish.registry import VersionRegistry
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.published import publish_without_prefect
from tests.dataset.trees import NAME, NOW, recipe

RECIPE = load_recipe("demo").model_copy(
    update={"publish": recipe(val_share=0.5), "filter": RuleBounds()}
)


@pytest.fixture
def store(tmp_path: Path) -> str:
    return (tmp_path / "store").as_uri()


def outcomes_of(*names: str) -> tuple[SourceOutcome, ...]:
    """Return sources of one uploader each, with two kept crops."""
    workspace = Workspace.of(settings())
    crops = [Crop("x"), Crop("y")]
    return tuple(judged(workspace, source(name, uploader=f"by {name}"), crops) for name in names)


def splits(store: str, number: int) -> dict[str, str]:
    registry = VersionRegistry(open_store(store))
    commit = registry.commit(NAME, number)
    assert commit is not None
    return {row.stem: row.split for row in read_samples(registry, commit)}


class Rivals:
    """Stands in for the task `publish`: lets another publisher commit before each of our tries."""

    def __init__(self, store: str, *rivals: tuple[SourceOutcome, ...]):
        self._store = store
        self._rivals = list(rivals)
        self.trees: list[str] = []

    def __call__(self, tree: StageResult, *args: Any) -> Publication:
        self.trees.append(tree.key)
        if self._rivals:
            commit = task.publish.fn
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(publication, "publish", commit)
                publication.publish_outcomes(self._rivals.pop(0), RECIPE, self._store, NOW)
        return task.publish.fn(tree, *args)

    @property
    def fn(self) -> "Rivals":
        return self


def test_the_overtaken_publisher_builds_again_upon_the_version_of_the_other(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = outcomes_of("a", "b"), outcomes_of("a", "b", "c", "d", "e")
    rivals = Rivals(store, first)
    monkeypatch.setattr(publication, "publish", rivals)
    made = publish_without_prefect(second, RECIPE, store, NOW)
    assert VersionRegistry(open_store(store)).numbers(NAME) == [1, 2]
    assert (made.version, len(set(rivals.trees))) == (2, 2)
    before, after = splits(store, 1), splits(store, 2)
    assert len(before) == 4
    assert len(after) == 10
    assert {stem: after[stem] for stem in before} == before
    changelog = Path(made.url.removeprefix("file://")) / "CHANGELOG.md"
    assert f"## Since {NAME}@v1" in changelog.read_text(encoding="utf-8")


def test_without_the_second_build_samples_would_have_moved(store: str) -> None:
    """The example above is one in which the order of the publishers matters."""
    alone = publish_without_prefect(outcomes_of("a", "b", "c", "d", "e"), RECIPE, store, NOW)
    of_first = publish_without_prefect(outcomes_of("a", "b"), RECIPE, f"{store}-of-first", NOW)
    assert (alone.version, of_first.version) == (1, 1)
    before, after = splits(f"{store}-of-first", 1), splits(store, 1)
    assert {stem: after[stem] for stem in before} != before


def test_one_who_is_overtaken_twice_builds_three_times(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rivals = Rivals(store, outcomes_of("a"), outcomes_of("a", "b"))
    monkeypatch.setattr(publication, "publish", rivals)
    made = publish_without_prefect(outcomes_of("a", "b", "c"), RECIPE, store, NOW)
    assert (made.version, len(rivals.trees)) == (3, 3)
    assert splits(store, 1).items() <= splits(store, 2).items() <= splits(store, 3).items()


def test_a_rival_with_the_same_outcomes_is_no_rival(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rivals = Rivals(store, outcomes_of("a", "b"))
    monkeypatch.setattr(publication, "publish", rivals)
    made = publish_without_prefect(outcomes_of("a", "b"), RECIPE, store, NOW)
    assert (made.version, made.is_new, len(rivals.trees)) == (1, False, 1)


def test_one_who_is_overtaken_again_and_again_gives_up_with_a_sentence(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "_MAX_BUILDS", 2)
    rivals = Rivals(store, outcomes_of("a"), outcomes_of("a", "b"))
    monkeypatch.setattr(publication, "publish", rivals)
    with pytest.raises(WorldError, match="during each of 2 attempts; publish"):
        publish_without_prefect(outcomes_of("a", "b", "c"), RECIPE, store, NOW)
    assert VersionRegistry(open_store(store)).numbers(NAME) == [1, 2]
