"""The verdicts of all sources become one table of crops; every other room reads that table."""

from collections.abc import Sequence

from tasks.common.digests import content_key
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome, SourceStage, StageResult
from tasks.common.schema.rows import Crop, JudgedCrop, Matte, Pose, RunCrop
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tasks.deduplicate import VERSION
from tasks.deduplicate.settle import settle

_READ: tuple[SourceStage, ...] = ("detect", "pose", "matte", "filter")


def deduplicate_key(outcomes: Sequence[SourceOutcome], bounds: RuleBounds) -> str:
    """Name the artifact by the sources in their order, what their stages gave, and the bounds.

    A row repeats paths, which lie under the key of another stage's artifact: so both key and digest
    of a result count. Sources that did not come through have no crops and do not count.
    """
    parts = [
        [outcome.source.source_id, *(_name_of(outcome.result(stage)) for stage in _READ)]
        for outcome in outcomes
        if outcome.result("filter") is not None
    ]
    return content_key("deduplicate", VERSION, parts, bounds.near_duplicate)


def _name_of(result: StageResult | None) -> list[str]:
    return [] if result is None else [result.key, result.digest]


def deduplicate_crops(
    outcomes: Sequence[SourceOutcome], bounds: RuleBounds, out: ArtifactWriter
) -> StageResult:
    """Write every distinct crop of a run with its last verdict, also of those that are dropped.

    In = the crops that the filters of all sources let through = kept or for review + drops.

    Raises:
        ArtifactError: a table of a source is gone, damaged or from another version.
    """
    crops = [crop for outcome in outcomes for crop in _crops_of(outcome, out.workspace)]
    run = settle(crops, bounds.near_duplicate)
    n_in = sum(crop.verdict.verdict != "drop" for crop in crops)
    return out.commit_rows(RunCrop, run.crops, run.drops, n_in=n_in)


def _crops_of(outcome: SourceOutcome, workspace: Workspace) -> list[RunCrop]:
    """Return the crops of one source as its filter judged them; none where it did not come through.

    Each of its four tables is read once.
    """
    detected, posed, matted, judged = (outcome.result(stage) for stage in _READ)
    if detected is None or matted is None or judged is None:
        return []
    crops = {crop.crop_id: crop for crop in workspace.rows(Crop, detected)}
    mattes = {matte.crop_id: matte for matte in workspace.rows(Matte, matted)}
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
    """Return the table of these outcomes as it lies in the workspace, or make it."""
    return reuse_or_make(
        workspace,
        "deduplicate",
        deduplicate_key(outcomes, bounds),
        lambda out: deduplicate_crops(outcomes, bounds, out),
    )
