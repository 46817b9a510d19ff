"""One table of crops from the verdicts of all sources; the rooms after it read that table."""

from collections.abc import Sequence

from tasks.common.digests import content_key
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome, StageResult
from tasks.common.schema.rows import Crop, JudgedCrop, Matte, Pose, RunCrop
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tasks.deduplicate import VERSION
from tasks.deduplicate.settle import settle


def deduplicate_key(outcomes: Sequence[SourceOutcome], bounds: RuleBounds) -> str:
    """Return the key of the table: sources in their order, results of their stages, and bounds.

    Rows contain paths below the keys of other artifacts, so keys count beside digests. Sources that
    failed have no crops and do not count.
    """
    parts = [
        [outcome.source.source_id, *map(_identity, _tables_of(outcome))]
        for outcome in outcomes
        if outcome.result("filter") is not None
    ]
    return content_key("deduplicate", VERSION, parts, bounds.near_duplicate)


def _tables_of(outcome: SourceOutcome) -> tuple[StageResult | None, ...]:
    """Return the tables that a source's crops are made of: crops, poses, mattes, verdicts."""
    return outcome.crops, outcome.poses, outcome.mattes, outcome.verdicts


def _identity(result: StageResult | None) -> list[str]:
    return [] if result is None else [result.key, result.digest]


def deduplicate_crops(
    outcomes: Sequence[SourceOutcome], bounds: RuleBounds, out: ArtifactWriter
) -> StageResult:
    """Write every distinct crop of a run with its final verdict, dropped crops included.

    In = crops that the filters of all sources kept or sent to review = kept or for review + drops.

    Raises:
        ArtifactError: a table of a source is missing, damaged or from another version.
    """
    # In the order of the source list: it decides which of several sources with the same bytes keeps
    # a crop.
    crops = [crop for outcome in outcomes for crop in _crops_of(outcome, out.workspace)]
    run = settle(crops, bounds.near_duplicate)
    # Crops that a filter dropped are in the table, for reports, but that filter has counted them.
    n_in = sum(crop.verdict.verdict != "drop" for crop in crops)
    return out.commit_rows(RunCrop, run.crops, run.drops, n_in=n_in)


def _crops_of(outcome: SourceOutcome, workspace: Workspace) -> list[RunCrop]:
    """Return the crops of one source as its filter judged them; none if the source failed."""
    detected, posed, matted, judged = _tables_of(outcome)
    if detected is None or matted is None or judged is None:
        return []
    crops = {crop.crop_id: crop for crop in workspace.rows(Crop, detected)}
    mattes = {matte.crop_id: matte for matte in workspace.rows(Matte, matted)}
    # The pose stage is optional in a recipe; all others exist if the filter ran.
    poses = {pose.crop_id: pose for pose in workspace.rows(Pose, posed)} if posed else {}
    return [
        RunCrop(
            source_id=outcome.source.source_id,
            crop=crops[verdict.crop_id],
            pose=poses.get(verdict.crop_id),
            matte=mattes.get(verdict.crop_id),
            verdict=verdict,
        )
        for verdict in workspace.rows(JudgedCrop, judged)
    ]


def reuse_or_deduplicate(
    outcomes: Sequence[SourceOutcome], bounds: RuleBounds, workspace: Workspace
) -> StageResult:
    """Return the table of these outcomes from the workspace, or build it."""
    return reuse_or_make(
        workspace,
        "deduplicate",
        deduplicate_key(outcomes, bounds),
        lambda out: deduplicate_crops(outcomes, bounds, out),
    )
