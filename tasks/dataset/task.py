"""The task of the dataset room: `publish` what a run kept as a version of a subset."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NoReturn

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import Publication, Source, SourceOutcome
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace, reuse_or_make
from tasks.common.workspace.caching import run_task
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.build import build_tree, inputs_key, tree_key
from tasks.dataset.decontamination import Relation, describe_relations
from tasks.dataset.overlap_page import render_relations
from tasks.dataset.selection import check_pins
from tasks.dataset.takedowns import forgetting, media_of, without_taken_down
from tasks.deduplicate.run_crops import Subset
from tasks.publish.commit import Origin, push_tree
from tasks.publish.read import find_base, find_others, read_other, read_past
from tasks.publish.registry import Ledger

__all__ = ["check_publishable", "media_of", "publish", "without_taken_down"]

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
