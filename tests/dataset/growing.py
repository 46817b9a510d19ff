"""What tests of growing subsets share: batches of sources, published one after the other."""

from pathlib import Path
from typing import Any

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import Recipe, load_recipe
from tasks.common.records import Publication, SourceOutcome
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.read import read_samples
from tasks.publish.registry import VersionRegistry
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.published import publish_without_prefect
from tests.dataset.trees import NAME, NOW, recipe

_DEMO = load_recipe("demo")


def whole_recipe(**changes: Any) -> Recipe:
    part = recipe(**changes)
    return _DEMO.model_copy(update={"publish": part, "filter": RuleBounds()})


def put(store: str, *outcomes: SourceOutcome, revive: bool = False, **changes: Any) -> Publication:
    return publish_without_prefect(outcomes, whole_recipe(**changes), store, NOW, revive)


def one(workspace: Workspace, name: str, n: int = 2, **facts: Any) -> SourceOutcome:
    return judged(workspace, source(name, **facts), [Crop(f"c{number}") for number in range(n)])


def splits(store: str, version: int, name: str = NAME) -> dict[str, str]:
    registry = VersionRegistry(open_store(store))
    commit = registry.commit(name, version)
    assert commit is not None
    return {row.stem: row.split for row in read_samples(registry, commit)}


def file_of(store: str, made: Publication, name: str) -> str:
    return (Path(made.url.removeprefix("file://")) / name).read_text(encoding="utf-8")
