"""The tree that comes of judged crops, and its publication."""

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pandas as pd

from tasks.common.artifacts import ArtifactWriter, Workspace
from tasks.common.bounds import RuleBounds
from tasks.common.files import digest_bytes
from tasks.common.keys import content_key
from tasks.common.recipe import PublishRecipe
from tasks.common.records import Publication, SourceOutcome, StageResult
from tasks.common.tables import plain_rows
from tasks.publish.folder_store import FolderStore
from tasks.publish.push import push_tree
from tasks.publish.subset import Subset
from tasks.publish.tree import build_tree
from tests.publish.builders import judged, source, two_sources
from tests.publish.crops import Crop

Tree = dict[str, bytes]
NAME = "CustomSeg_Person_20261122_small"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NO_BOUNDS = RuleBounds()
PINS = {"street": "train", "cafe": "val"}


def recipe(**changes: Any) -> PublishRecipe:
    """Return the publish part of a recipe for the subset `NAME`."""
    values: dict[str, Any] = {"date": "20261122", "note": "small", "val_share": 0.5}
    return PublishRecipe(**(values | changes))


def tree_of(
    workspace: Workspace,
    outcomes: tuple[SourceOutcome, ...],
    bounds: RuleBounds = NO_BOUNDS,
    **changes: Any,
) -> StageResult:
    """Build the tree of these outcomes."""
    values = {"pin": PINS} | changes
    key = content_key([outcome.model_dump(mode="json") for outcome in outcomes], values, bounds)
    subset = Subset(outcomes, workspace, bounds)
    return build_tree(subset, recipe(**values), ArtifactWriter(workspace, "publish", key))


def read_tree(
    workspace: Workspace,
    *outcomes: SourceOutcome,
    bounds: RuleBounds = NO_BOUNDS,
    **changes: Any,
) -> Tree:
    """Build a tree, of `two_sources` if no others are given, and return its files by name."""
    made = tree_of(workspace, outcomes or two_sources(workspace), bounds, **changes)
    rows = plain_rows(workspace.items(made))
    return {row["name"]: workspace.path(row["path"]).read_bytes() for row in rows}


def lists_of(tree: Tree) -> dict[str, list[str]]:
    """Return the lines of each list of a tree."""
    return {
        name.removeprefix("split_dir/"): data.decode("utf-8").splitlines()
        for name, data in tree.items()
        if name.startswith("split_dir/")
    }


def kept_tree(workspace: Workspace, *names: str) -> StageResult:
    """Build a tree of one source with these crops, all kept."""
    crops = [Crop(name) for name in names]
    return tree_of(workspace, (judged(workspace, source("street"), crops),))


def push(tree: StageResult, workspace: Workspace, store: FolderStore) -> Publication:
    """Publish a tree as the next version of `NAME`."""
    return push_tree(tree, NAME, workspace, store, recipe_digest="r", now=NOW)


def require_all_versions_whole(store: FolderStore) -> list[int]:
    """Compare every file of every version with its record; return the versions' numbers."""
    numbers = []
    for key in sorted(store.sizes(f"versions/{NAME}/")):
        record = json.loads(store.get(key) or b"")
        table = pd.read_parquet(BytesIO(store.get(f"manifests/{record['tree']}.parquet") or b""))
        prefix = f"trees/{record['tree']}/{NAME}/"
        rows = {prefix + row["name"]: row["digest"] for row in plain_rows(table)}
        there = {key: digest_bytes(store.get(key) or b"") for key in store.sizes(prefix)}
        assert there == rows
        assert len(rows) == record["n_files"]
        numbers.append(record["version"])
    assert numbers == list(range(1, len(numbers) + 1))
    return numbers


def latest_version(store: FolderStore) -> int:
    """Return the number that the channel points at, 0 without one."""
    return int(json.loads(store.get(f"channels/{NAME}.json") or b'{"latest": 0}')["latest"])
