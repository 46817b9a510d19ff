"""The tasks of the dataset room: `dataset` builds the tree of a version in the workspace."""

from collections.abc import Sequence

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import SourceOutcome, StageResult
from tasks.common.schema.sample import OtherSubset, Published
from tasks.common.schema.tables import encode_table
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.weights.catalogue import find_weights
from tasks.common.weights.fetch import require_weights
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tasks.common.workspace.caching import run_task
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.build import build_tree, inputs_key, tree_key
from tasks.dataset.decontamination import (
    Overlap,
    describe_overlaps,
    find_overlaps,
    without_overlaps,
)
from tasks.dataset.inputs import DatasetInputs, DropCount
from tasks.dataset.overlap_page import render_overlaps
from tasks.dataset.selection import check_pins, choose_samples
from tasks.dataset.takedowns import apply_takedowns, media_of, redact
from tasks.deduplicate.run_crops import Judged, Subset
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
    "apply_takedowns",
    "check_pins",
    "compare",
    "dataset",
    "find_crop",
    "funnel",
    "key_of_inputs",
    "media_of",
    "propose",
    "reasons",
    "render_changes",
    "render_closeup",
    "report",
    "set_aside",
    "sheets",
    "source_lines",
]


def key_of_inputs(
    outcomes: Sequence[SourceOutcome], recipe: Recipe, others: Sequence[OtherSubset]
) -> str:
    """Return the key of what a version is made of, besides its base version."""
    trees = [subset.tree for subset in others]
    return inputs_key(outcomes, recipe.publish, recipe.filter, trees)


@run_task("dataset")
def dataset(
    outcomes: tuple[SourceOutcome, ...],
    crops: StageResult,
    recipe: Recipe,
    published: Published,
    store: str,
) -> StageResult:
    """Build the tree of the next version of the recipe's subset, or find it in the workspace.

    `crops` are those of the outcomes, by `deduplicate`. `store` has the pictures of the other
    subsets, should samples overlap with theirs.
    """
    workspace, part, base = Workspace.of(settings()), recipe.publish, published.base

    def build(out: ArtifactWriter) -> StageResult:
        inputs = _inputs(outcomes, crops, recipe, workspace)
        redacted = redact(base, Takedowns.of(workspace, open_store(store)))
        selection = choose_samples(inputs, part, redacted)
        overlaps = find_overlaps(selection.rows, published.others, part.near_bits)
        if overlaps and part.related == "refuse":
            page = _write_overlaps(overlaps, inputs, part, workspace, store)
            raise InputError(describe_overlaps(overlaps, part, page))
        return build_tree(without_overlaps(selection, overlaps), inputs, part, out, redacted)

    inputs = key_of_inputs(outcomes, recipe, published.others)
    return reuse_or_make(workspace, "publish", tree_key(inputs, base.tree), build)


def _inputs(
    outcomes: Sequence[SourceOutcome], crops: StageResult, recipe: Recipe, workspace: Workspace
) -> DatasetInputs:
    completed = tuple(outcome for outcome in outcomes if outcome.error is None)
    subset = Subset(completed, workspace, recipe.filter)
    media = {outcome.source.source_id: media_of(outcome, workspace) for outcome in completed}
    return DatasetInputs(
        sources=tuple(outcome.source for outcome in outcomes),
        completed=tuple(outcome.source for outcome in completed),
        media_ids={source_id: media_id for source_id, media_id in media.items() if media_id},
        run=workspace.run_crops(crops),
        drop_counts=tuple(DropCount(*reason) for reason in reasons(all_drops(subset))),
        report=render_report(subset, title=recipe.publish.name).encode(),
        review_list=encode_csv(review_table(subset)),
    )


def _write_overlaps(
    overlaps: Sequence[Overlap],
    inputs: DatasetInputs,
    recipe: PublishRecipe,
    workspace: Workspace,
    store: str,
) -> str:
    """Write the page of what overlaps with other subsets; return its address."""
    name = f"related/{recipe.name}.html"
    crops = {crop.stem: crop for crop in inputs.run.of("keep")}
    title = f"{recipe.name}: samples related to other subsets"
    html = render_overlaps(overlaps, crops, workspace, open_store(store), title)
    workspace.write(name, html.encode())
    return workspace.url(name)


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
    allowed = apply_takedowns(outcomes, Takedowns.of(workspace), workspace)
    subset = Subset(allowed, workspace, recipe.filter)
    page = f"{folder}/report.html"
    workspace.write(page, render_report(subset, title=title, note=note).encode())
    workspace.write(f"{folder}/crops.parquet", encode_table(crops_table(subset)))
    workspace.write(f"{folder}/review.csv", encode_csv(review_table(subset)))
    return workspace.url(page)
