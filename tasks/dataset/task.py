"""The task of the dataset room: `dataset` builds the tree of a version in the workspace."""

from collections.abc import Sequence

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import SourceOutcome, StageResult
from tasks.common.schema.layout import REPORT, REVIEW_LIST
from tasks.common.schema.published import BaseVersion, OtherSubset, Published
from tasks.common.schema.rows import ReviewFile
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tasks.common.workspace.caching import run_task
from tasks.common.workspace.decisions import NO_DECISIONS, DecisionSet, read_all_decisions
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.build import build_tree, inputs_key, tree_key
from tasks.dataset.carry import resolve_drop
from tasks.dataset.decisions import place_scenes
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

__all__ = [
    "apply_takedowns",
    "check_pins",
    "dataset",
    "decisions_on_outcomes",
    "key_of_inputs",
    "media_of",
    "named_samples",
]


def key_of_inputs(
    outcomes: Sequence[SourceOutcome],
    recipe: Recipe,
    others: Sequence[OtherSubset],
    drop: Sequence[str] = (),
    decisions: DecisionSet = NO_DECISIONS,
) -> str:
    """Return the key of what a version is made of, besides its base version."""
    # Trees, not labels: decontamination depends on the samples of the others, not on their numbers.
    trees = [subset.tree for subset in others]
    decided = [decision.id for decision in decisions.scenes]
    return inputs_key(outcomes, recipe.publish, recipe.filter, trees, drop, decided)


def decisions_on_outcomes(outcomes: Sequence[SourceOutcome], workspace: Workspace) -> DecisionSet:
    """Return what curators decided about the media of outcomes.

    Raises:
        ArtifactError: the decisions on a media are damaged.
    """
    media_ids = {media_of(outcome, workspace) for outcome in outcomes}
    read = read_all_decisions(workspace, [name for name in media_ids if name])
    return DecisionSet([decision for own in read.values() for decision in own])


@run_task("dataset")
def dataset(
    outcomes: tuple[SourceOutcome, ...],
    crops: StageResult,
    review: StageResult,
    drop_counts: Sequence[tuple[str, str, int, str]],
    recipe: Recipe,
    published: Published,
    store: str,
    drop: Sequence[str] = (),
    decisions: DecisionSet = NO_DECISIONS,
) -> StageResult:
    """Build the tree of the next version of the recipe's subset, or find it in the workspace.

    `crops` are those of the outcomes, by `deduplicate`; `review` has the report and the list that
    are published; `drop_counts` are the fields of `DropCount`. `store` has the pictures of the
    other subsets, if samples overlap with them. Of `decisions` those about scenes count here:
    verdicts have those about crops. `drop` names samples and sources to leave out.
    """
    workspace, publish_recipe, base = Workspace.of(settings()), recipe.publish, published.base
    redacted = redact(base, Takedowns.of(workspace, open_store(store)))
    redacted = redacted._replace(dropped=base.dropped | named_samples(drop, base, crops))

    # A closure, since reading is slow: nothing below runs when the tree is in the workspace
    # already.
    def build(out: ArtifactWriter) -> StageResult:
        inputs = read_inputs(outcomes, crops, review, drop_counts, workspace, decisions)
        bounds = recipe.filter.near_duplicate
        selection = choose_samples(inputs, publish_recipe, redacted, bounds)
        overlaps = find_overlaps(selection.rows, published.others, publish_recipe.near_bits)
        # Before any file is encoded, since nothing will be published. The page is written first, so
        # that the sentence can name it.
        if overlaps and publish_recipe.related == "refuse":
            page = _write_overlaps(overlaps, inputs, publish_recipe, workspace, store)
            raise InputError(describe_overlaps(overlaps, publish_recipe, page))
        return build_tree(
            without_overlaps(selection, overlaps), inputs, publish_recipe, out, redacted
        )

    inputs = key_of_inputs(outcomes, recipe, published.others, drop, decisions)
    accumulates = bool(publish_recipe.accumulate)
    key = tree_key(inputs, base, redacted, accumulates=accumulates)
    return reuse_or_make(workspace, "dataset", key, build)


def named_samples(names: Sequence[str], base: BaseVersion, crops: StageResult) -> frozenset[str]:
    """Return the samples that --drop names; raises as `resolve_drop`."""
    # Most publications name none, and reading the crops takes time.
    if not names:
        return frozenset()
    return resolve_drop(names, base, Workspace.of(settings()).run_crops(crops).of("keep"))


def read_inputs(
    outcomes: Sequence[SourceOutcome],
    crops: StageResult,
    review: StageResult,
    drop_counts: Sequence[tuple[str, str, int, str]],
    workspace: Workspace,
    decisions: DecisionSet = NO_DECISIONS,
) -> DatasetInputs:
    """Read what a tree is made of from the artifacts of the rooms before this one."""
    completed = tuple(outcome for outcome in outcomes if outcome.error is None)
    media = {outcome.source.source_id: media_of(outcome, workspace) for outcome in completed}
    files = {file.name: file.path for file in workspace.rows(ReviewFile, review)}
    run = workspace.run_crops(crops)
    return DatasetInputs(
        sources=tuple(outcome.source for outcome in outcomes),
        completed=tuple(outcome.source for outcome in completed),
        media_ids={source_id: media_id for source_id, media_id in media.items() if media_id},
        run=run,
        drop_counts=tuple(DropCount(*count) for count in drop_counts),
        report=workspace.path(files[REPORT]).read_bytes(),
        review_list=workspace.path(files[REVIEW_LIST]).read_bytes(),
        scene_decisions=place_scenes(run.crops, decisions.scenes),
    )


def _write_overlaps(
    overlaps: Sequence[Overlap],
    inputs: DatasetInputs,
    recipe: PublishRecipe,
    workspace: Workspace,
    store: str,
) -> str:
    """Write the page of what overlaps with other subsets; return its address."""
    # One page per subset, replaced each time: it describes the present run, not a version.
    name = f"related/{recipe.name}.html"
    crops = {crop.stem: crop for crop in inputs.run.of("keep")}
    title = f"{recipe.name}: samples that overlap with other subsets"
    html = render_overlaps(overlaps, crops, workspace, open_store(store), title)
    workspace.write(name, html.encode())
    return workspace.url(name)
