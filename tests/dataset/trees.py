"""The tree that comes of judged crops, and its publication."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pandas as pd

from tasks.common.digests import content_key
from tasks.common.files import digest_bytes
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import Publication, SourceOutcome, StageResult
from tasks.common.schema.layout import MANIFEST, TreeFile, encode_manifest
from tasks.common.schema.published import NO_BASE, BaseVersion
from tasks.common.schema.tables import plain_rows
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.dataset.build import build_tree
from tasks.dataset.selection import choose_samples
from tasks.publish.commit import commit_tree
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry
from tests.dataset.builders import inputs_of, judged, source, two_sources
from tests.dataset.crops import Crop

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
    out = ArtifactWriter(workspace, "dataset", key)
    return build(workspace, outcomes, recipe(**values), out, bounds)


def build(
    workspace: Workspace,
    outcomes: Sequence[SourceOutcome],
    part: PublishRecipe,
    out: ArtifactWriter,
    bounds: RuleBounds = NO_BOUNDS,
    base: BaseVersion = NO_BASE,
) -> StageResult:
    """Build the tree of these outcomes upon a base version."""
    inputs = inputs_of(workspace, *outcomes, bounds=bounds, title=part.name)
    return build_tree(choose_samples(inputs, part, base), inputs, part, out, base)


def read_tree(
    workspace: Workspace,
    *outcomes: SourceOutcome,
    bounds: RuleBounds = NO_BOUNDS,
    **changes: Any,
) -> Tree:
    """Build a tree, of `two_sources` if no others are given, and return its files by name."""
    made = tree_of(workspace, outcomes or two_sources(workspace), bounds, **changes)
    files = workspace.rows(TreeFile, made)
    return {file.name: workspace.path(file.path or "").read_bytes() for file in files}


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


def plain_tree(workspace: Workspace, files: Mapping[str, bytes]) -> StageResult:
    """Build a tree of just these files, by name, and the list of their digests."""
    digests = {name: digest_bytes(data) for name, data in files.items()}
    out = ArtifactWriter(workspace, "dataset", content_key("plain", digests))
    rows = [_file(out, name, data) for name, data in sorted(files.items())]
    rows.append(_file(out, MANIFEST, encode_manifest(digests)))
    return out.commit_rows(TreeFile, rows, [], n_in=len(rows))


def _file(out: ArtifactWriter, name: str, data: bytes) -> TreeFile:
    path, digest = out.put(name, data)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return TreeFile(name, path, digest, md5, len(data), _split_of(name))


def _split_of(name: str) -> str | None:
    return name.split("/")[1] if name.startswith(("img_dir/", "ann_dir/")) else None


def plain_samples(*names: str, note: str = "") -> dict[str, bytes]:
    """Return files such as a tree has: image and mask per sample, a list, and a card."""
    files: dict[str, bytes] = {}
    for name in names:
        files[f"img_dir/train/{name}.jpg"] = f"image of {name}".encode()
        files[f"ann_dir/train/{name}.png"] = f"mask of {name}".encode()
    lists = {"split_dir/train.txt": "".join(f"{name}\n" for name in sorted(names)).encode()}
    return files | lists | {"README.md": f"card of {' '.join(names)} {note}\n".encode()}


def push(
    tree: StageResult,
    workspace: Workspace,
    store: ObjectStore,
    *,
    name: str = NAME,
    now: datetime = NOW,
    recipe_digest: str = "r",
    revive: bool = False,
) -> Publication:
    """Publish a tree as the next version of `NAME`."""
    return commit_tree(
        tree, name, workspace, store, recipe_digest=recipe_digest, now=now, revive=revive,
        clock=lambda: now,
    )  # fmt: skip


def push_samples(workspace: Workspace, store: ObjectStore, *names: str, **told: Any) -> Commit:
    """Publish a plain tree of these samples; return the version's record."""
    done = push(plain_tree(workspace, plain_samples(*names)), workspace, store, **told)
    commit = VersionRegistry(store).commit(done.name, done.version)
    assert commit is not None
    return commit


def require_all_versions_whole(store: ObjectStore) -> list[int]:
    """Compare every file of every version with its record; return the versions' numbers."""
    numbers = []
    for key in sorted(store.list_objects(f"versions/{NAME}/")):
        record = json.loads(store.get(key) or b"")
        table = pd.read_parquet(BytesIO(store.get(f"manifests/{record['tree']}.parquet") or b""))
        prefix = f"trees/{record['tree']}/{NAME}/"
        rows = {prefix + row["name"]: row["digest"] for row in plain_rows(table)}
        there = {key: digest_bytes(store.get(key) or b"") for key in store.list_objects(prefix)}
        assert there == rows
        assert len(rows) == record["n_files"]
        numbers.append(record["version"])
    assert numbers == list(range(1, len(numbers) + 1))
    return numbers


def latest_version(store: ObjectStore) -> int:
    """Return the number that the channel `latest` stands for, 0 without one."""
    channels = json.loads(store.get(f"channels/{NAME}.json") or b"{}")
    return int(channels["latest"]["version"]) if channels else 0


def everything(store: ObjectStore) -> dict[str, bytes]:
    """Return all that a store holds of versions, by key."""
    folders = ("trees/", "manifests/", "versions/", "channels/", "retired/", "gc/")
    return {key: store.get(key) or b"" for place in folders for key in store.list_objects(place)}
