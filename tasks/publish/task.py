"""The tasks of the publish room: `publish` a version, `report` what became of everything."""

from datetime import datetime
from pathlib import Path

from tasks.common.artifacts import Workspace, reuse_or_make
from tasks.common.caching import run_task
from tasks.common.files import require_writable, write_file
from tasks.common.recipe import Recipe
from tasks.common.records import Publication, SourceOutcome
from tasks.common.settings import folder_of_store, settings
from tasks.common.tables import encode_table
from tasks.publish.account import all_drops, funnel, reasons, set_aside, source_lines
from tasks.publish.changes import Changes, compare, render_changes
from tasks.publish.closeup import RuleWord, find_crop, render_closeup
from tasks.publish.crop_tables import crops_table, encode_csv, review_table
from tasks.publish.folder_store import FolderStore
from tasks.publish.push import push_tree
from tasks.publish.report import render_report, sheets
from tasks.publish.select import pinned_groups
from tasks.publish.subset import Judged, Subset
from tasks.publish.tree import build_tree, tree_key

__all__ = [
    "Changes",
    "Judged",
    "RuleWord",
    "Subset",
    "all_drops",
    "check_store",
    "compare",
    "find_crop",
    "funnel",
    "pinned_groups",
    "publish",
    "reasons",
    "render_changes",
    "render_closeup",
    "report",
    "set_aside",
    "sheets",
    "source_lines",
]


def open_store(address: str) -> FolderStore:
    """Open the store at `address`, under the root name of the settings.

    Raises:
        InputError: the address is not one of a folder.
    """
    return FolderStore(folder_of_store(address) / settings().root_name)


def check_store(address: str) -> None:
    """Make sure, before any work, that something can be published there.

    Raises:
        InputError: the address is wrong, or the folder cannot be written.
    """
    mend = "Choose another with --store or MATTEFLOW_STORE."
    require_writable(open_store(address).root, "The store", mend)


@run_task("publish")
def publish(
    outcomes: tuple[SourceOutcome, ...], recipe: Recipe, store: str, now: datetime
) -> Publication:
    """Publish what was kept as the next version of the recipe's subset."""
    workspace = Workspace.of(settings())
    subset = Subset(outcomes, workspace, recipe.filter)
    tree = reuse_or_make(
        workspace,
        "publish",
        tree_key(outcomes, recipe.publish, recipe.filter),
        lambda out: build_tree(subset, recipe.publish, out),
    )
    return push_tree(
        tree, recipe.publish.name, workspace, open_store(store),
        recipe_digest=recipe.digest, now=now,
    )  # fmt: skip


@run_task("report")
def report(
    outcomes: tuple[SourceOutcome, ...], recipe: Recipe, title: str, note: str, target: Path
) -> Path:
    """Write the report page of a run, and beside it the crops and the review list as tables."""
    subset = Subset(outcomes, Workspace.of(settings()), recipe.filter)
    write_file(target, render_report(subset, title=title, note=note).encode())
    write_file(target.with_name("crops.parquet"), encode_table(crops_table(subset)))
    write_file(target.with_name("review.csv"), encode_csv(review_table(subset)))
    return target
