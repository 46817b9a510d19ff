"""The tasks of the publish room: `publish` a version, `report` what became of everything."""

from datetime import datetime

from tasks.common.artifacts import Workspace, reuse_or_make
from tasks.common.caching import run_task
from tasks.common.recipe import Recipe
from tasks.common.records import Publication, SourceOutcome
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.tables import encode_table
from tasks.common.takedowns import Takedowns
from tasks.publish.account import all_drops, funnel, reasons, set_aside, source_lines
from tasks.publish.changes import Changes, compare, render_changes
from tasks.publish.closeup import RuleWord, find_crop, render_closeup
from tasks.publish.crop_tables import crops_table, encode_csv, review_table
from tasks.publish.heed import media_of, without_taken_down
from tasks.publish.report import render_report, sheets
from tasks.publish.select import pinned_groups
from tasks.publish.subset import Judged, Subset
from tasks.publish.tree import build_tree, tree_key
from tasks.publish.versions.push import push_tree

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
    "media_of",
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

_DOOR_ATTEMPTS = 3  # who stands at the door should not wait for half a minute


def check_store(address: str) -> None:
    """Make sure, before any work, that something can be published there.

    Raises:
        InputError: the address is wrong, or the store refuses; the sentence names the mend.
        WorldError: the store does not answer.
    """
    open_store(address, attempts=_DOOR_ATTEMPTS).probe()


@run_task("publish")
def publish(
    outcomes: tuple[SourceOutcome, ...],
    recipe: Recipe,
    store: str,
    now: datetime,
    revive: bool = False,
) -> Publication:
    """Publish what was kept as the next version of the recipe's subset."""
    workspace, opened = Workspace.of(settings()), open_store(store)
    outcomes = without_taken_down(outcomes, Takedowns.of(workspace, opened), workspace)
    subset = Subset(outcomes, workspace, recipe.filter)
    tree = reuse_or_make(
        workspace,
        "publish",
        tree_key(outcomes, recipe.publish, recipe.filter),
        lambda out: build_tree(subset, recipe.publish, out),
    )
    return push_tree(
        tree, recipe.publish.name, workspace, opened,
        recipe_digest=recipe.digest, now=now, revive=revive,
    )  # fmt: skip


@run_task("report")
def report(
    outcomes: tuple[SourceOutcome, ...], recipe: Recipe, title: str, note: str, folder: str
) -> str:
    """Write the report page of a run, and beside it the crops and the review list as tables.

    `folder` lies in the workspace; returns the page's address.
    """
    workspace = Workspace.of(settings())
    outcomes = without_taken_down(outcomes, Takedowns.of(workspace), workspace)
    subset = Subset(outcomes, workspace, recipe.filter)
    page = f"{folder}/report.html"
    workspace.write(page, render_report(subset, title=title, note=note).encode())
    workspace.write(f"{folder}/crops.parquet", encode_table(crops_table(subset)))
    workspace.write(f"{folder}/review.csv", encode_csv(review_table(subset)))
    return workspace.url(page)
