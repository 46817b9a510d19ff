"""The tasks of the review room: `review` draws once per run, `report` writes a run's own pages."""

from collections.abc import Sequence

from tasks.common.errors import InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import Recipe
from tasks.common.records import SourceOutcome, StageResult
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights
from tasks.common.weights.verified import verified_weights
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.caching import run_task
from tasks.review.clip import Tagger
from tasks.review.crop_page import MaskPair, RuleFinding, read_crop, render_crop_page
from tasks.review.decision_csv import decode_decisions, encode_decisions
from tasks.review.desk_picture import (
    draw_frame,
    draw_overlay,
    draw_preview,
    draw_whole,
    read_mask_codes,
)
from tasks.review.funnel import (
    Reason,
    SourceLine,
    all_drops,
    for_review,
    funnel,
    reasons,
    source_lines,
)
from tasks.review.scene_proposals import propose_scenes
from tasks.review.stage import published_files, reuse_or_review, sheet_uri, write_run_pages
from tasks.review.verdict_diff import VerdictDiff, diff_verdicts, render_verdict_diff

__all__ = [
    "MaskPair",
    "Reason",
    "RuleFinding",
    "SourceLine",
    "VerdictDiff",
    "all_drops",
    "decode_decisions",
    "diff_verdicts",
    "draw_frame",
    "draw_overlay",
    "draw_preview",
    "draw_whole",
    "encode_decisions",
    "for_review",
    "funnel",
    "propose",
    "published_files",
    "read_crop",
    "read_mask_codes",
    "reasons",
    "render_crop_page",
    "render_verdict_diff",
    "report",
    "review",
    "sheet_uri",
    "source_lines",
]


@run_task("review")
def review(
    outcomes: tuple[SourceOutcome, ...], crops: StageResult, bounds: RuleBounds, title: str
) -> StageResult:
    """Draw what people review: the report and the review list that are published, and sheets."""
    return reuse_or_review(outcomes, crops, bounds, title, Workspace.of(settings()))


@run_task("report")
def report(
    outcomes: tuple[SourceOutcome, ...],
    crops: StageResult,
    review: StageResult,
    bounds: RuleBounds,
    title: str,
    note: str,
    folder: str,
) -> str:
    """Write the report page of a run, and beside it the crops and the review list as tables.

    `folder` lies in the workspace; returns the page's address.
    """
    workspace = Workspace.of(settings())
    return write_run_pages(
        outcomes, crops, review, bounds, workspace, title=title, note=note, folder=folder
    )


def propose(
    outcomes: Sequence[SourceOutcome],
    crops: StageResult,
    recipe: Recipe,
    weights: str,
    min_score: float,
) -> bytes:
    """Return scenes that a network proposes for the kept crops of a run, as CSV.

    Raises:
        InputError: the recipe has no scenes, or there are no such weights.
        WeightsError: the weights cannot be had.
    """
    # Before the weights are fetched, which may be hundreds of megabytes.
    if not recipe.publish.scenes:
        raise InputError("The recipe has no publish.scenes, so there is nothing to propose.")
    chosen = find_weights(weights, "tagger")
    with verified_weights(chosen, settings().models) as path:
        tagger = Tagger(chosen, path, recipe.publish.scenes, settings().device)
    workspace = Workspace.of(settings())
    kept = workspace.run_crops(crops).of("keep")
    sources = {outcome.source.source_id: outcome.source for outcome in outcomes}
    return propose_scenes(kept, sources, recipe.publish, tagger, min_score, workspace)
