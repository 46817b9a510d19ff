"""The tasks of the publish room: `publish` a version, `report` what became of everything."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NoReturn

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import Publication, Source, SourceOutcome
from tasks.common.schema.tables import encode_table
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.weights.catalogue import find_weights
from tasks.common.weights.fetch import require_weights
from tasks.common.workspace.artifacts import Workspace, reuse_or_make
from tasks.common.workspace.caching import run_task
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.build import build_tree, inputs_key, tree_key
from tasks.dataset.decontamination import Relation, describe_relations
from tasks.dataset.overlap_page import render_relations
from tasks.dataset.selection import check_pins
from tasks.dataset.takedowns import forgetting, media_of, without_taken_down
from tasks.deduplicate.run_crops import Judged, Subset
from tasks.publish.commit import Origin, push_tree
from tasks.publish.read import find_base, find_others, read_other, read_past
from tasks.publish.registry import Ledger
from tasks.review.clip import Tagger
from tasks.review.crop_page import RuleWord, find_crop, render_closeup
from tasks.review.funnel import (
    SourceLine,
    all_drops,
    funnel,
    reasons,
    set_aside,
    source_lines,
)
from tasks.review.report import render_report, sheets
from tasks.review.scene_proposals import propose_scenes
from tasks.review.tables import crops_table, encode_csv, review_table
from tasks.review.verdict_diff import Changes, compare, render_changes

__all__ = [
    "Changes",
    "Judged",
    "RuleWord",
    "SourceLine",
    "Subset",
    "all_drops",
    "check_publishable",
    "compare",
    "find_crop",
    "funnel",
    "media_of",
    "propose",
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


def check_publishable(address: str, recipe: PublishRecipe, sources: Iterable[Source]) -> None:
    """Make sure, before any work, that something can be published there by this recipe.

    Raises:
        InputError: the address is wrong, the store refuses, the recipe's pins tear sources of one
            group apart, or it names subsets that are not published.
        WorldError: the store does not answer.
    """
    check_pins(sources, recipe)
    store = open_store(address, attempts=_DOOR_ATTEMPTS)
    store.probe()
    find_others(Ledger(store), recipe)


@run_task("publish")
def publish(
    outcomes: tuple[SourceOutcome, ...],
    recipe: Recipe,
    store: str,
    now: datetime,
    revive: bool = False,
) -> Publication:
    """Publish what was kept as the next version of the recipe's subset."""
    workspace, ledger = Workspace.of(settings()), Ledger(open_store(store))
    part, name = recipe.publish, recipe.publish.name
    takedowns = Takedowns.of(workspace, ledger.store)
    outcomes = without_taken_down(outcomes, takedowns, workspace)
    subset = Subset(outcomes, workspace, recipe.filter)
    others = find_others(ledger, part)
    inputs = inputs_key(outcomes, part, recipe.filter, [other.tree for other in others])
    base = find_base(ledger, name, inputs)
    refuse = partial(_refuse, subset, part, ledger) if part.related == "refuse" else None
    tree = reuse_or_make(
        workspace,
        "publish",
        tree_key(inputs, base.tree if base else ""),
        lambda out: build_tree(
            subset, part, out, forgetting(read_past(ledger, base), takedowns),
            [read_other(ledger, other) for other in others], refuse,
        ),
    )  # fmt: skip
    origin = Origin(inputs, base.version if base else None, part.against)
    return push_tree(
        tree, name, workspace, ledger.store,
        recipe_digest=recipe.digest, now=now, revive=revive, origin=origin,
    )  # fmt: skip


def _refuse(
    subset: Subset, recipe: PublishRecipe, ledger: Ledger, relations: Sequence[Relation]
) -> NoReturn:
    """Show what is related to another subset, and publish nothing."""
    page = f"related/{recipe.name}.html"
    crops = {judged.stem: judged for judged in subset.crops("keep")}
    title = f"{recipe.name}: samples related to other subsets"
    html = render_relations(relations, crops, subset.workspace, ledger.store, title)
    subset.workspace.write(page, html.encode())
    raise InputError(describe_relations(relations, recipe, subset.workspace.url(page)))


def propose(outcomes: Sequence[SourceOutcome], recipe: Recipe, weights: str, least: float) -> bytes:
    """Return scenes that a network proposes for the kept crops of a run, as CSV.

    Raises:
        InputError: the recipe has no scenes, or there are no such weights.
        WeightsError: the weights cannot be had.
    """
    if not recipe.publish.scenes:
        raise InputError("The recipe has no publish.scenes, so there is nothing to propose.")
    found = find_weights(weights, "tagger")
    path = require_weights(found, settings().models)
    tagger = Tagger(found, path, recipe.publish.scenes, settings().device)
    subset = Subset(outcomes, Workspace.of(settings()), recipe.filter)
    return propose_scenes(subset, recipe.publish, tagger, least)


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
