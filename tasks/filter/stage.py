"""Verdicts of one source: screening before matting, the final verdicts after."""

from collections.abc import Iterable
from typing import cast

from tasks.common.digests import content_key
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import (
    AdmittedTable,
    CropsTable,
    Drop,
    MattesTable,
    MeasuresTable,
    PosesTable,
    Source,
    Stage,
    VerdictsTable,
)
from tasks.common.schema.rows import Admitted, JudgedCrop, Matte, MeasuredCrop
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tasks.filter import VERSION
from tasks.filter.corrected import settle_all
from tasks.filter.judge import drop_empty_mask, judge_source
from tasks.filter.measure import join_measures, measure_crops, measures_key
from tasks.filter.trust import shipped_trust


def screen_key(
    source: Source, crops: CropsTable, poses: PosesTable | None, recipe: RuleBounds
) -> str:
    """Name the artifact by crops, poses, bounds, and the source's tags and licence."""
    parts = [crops.digest, poses and poses.digest]
    return content_key("screen", VERSION, *parts, source.scenes, source.licence, recipe)


def filter_key(
    source: Source,
    crops: CropsTable,
    poses: PosesTable | None,
    mattes: MattesTable,
    recipe: RuleBounds,
) -> str:
    """Name the artifact by crops, poses, mattes, bounds, and the source's tags and licence."""
    parts = [crops.digest, poses and poses.digest, mattes.digest, shipped_trust().digest]
    return content_key("filter", VERSION, *parts, source.scenes, source.licence, recipe)


def screen_crops(
    out: ArtifactWriter,
    source: Source,
    crops: CropsTable,
    poses: PosesTable | None,
    recipe: RuleBounds,
) -> AdmittedTable:
    """Decide which crops are worth matting; crops in = admitted + drops.

    The table has only the ids of the admitted crops. So a changed bound that admits the same crops
    gives the same digest, and the mattes stay valid.
    """
    # Measures are an artifact of their own, which names no bounds: other bounds read it again.
    measures = _measured(out.workspace, crops, poses, None)
    judged = judge_source(out.workspace.rows(MeasuredCrop, measures), source, recipe)
    admitted = [Admitted(crop.crop_id) for crop in judged if crop.verdict != "drop"]
    drops = _drops(judged, "screen")
    return AdmittedTable(out.commit_rows(Admitted, admitted, drops, n_in=len(judged)))


def filter_crops(
    out: ArtifactWriter,
    source: Source,
    crops: CropsTable,
    poses: PosesTable | None,
    mattes: MattesTable,
    recipe: RuleBounds,
) -> VerdictsTable:
    """Give every crop its verdict; crops in = kept or for review + drops."""
    workspace = out.workspace
    # Both passes are judged here: screening hands on ids only, so the verdicts are complete by
    # themselves.
    before = workspace.rows(MeasuredCrop, _measured(workspace, crops, poses, None))
    after = workspace.rows(MeasuredCrop, _measured(workspace, crops, poses, mattes))
    judged = judge_source(
        join_measures(before, after), source, recipe, matted={crop.crop_id for crop in after}
    )
    channels = {matte.crop_id: matte.channel for matte in workspace.rows(Matte, mattes)}
    settled = settle_all(judged, source, recipe, channels)
    empty = _empty_masks(mattes, workspace)
    final = [drop_empty_mask(crop, empty.get(crop.crop_id)) for crop in settled]
    drops = _drops(final, "filter")
    return VerdictsTable(out.commit_rows(JudgedCrop, final, drops, n_in=len(final)))


def _measured(
    workspace: Workspace,
    crops: CropsTable,
    poses: PosesTable | None,
    mattes: MattesTable | None,
) -> MeasuresTable:
    """Return the stored measures, or measure; changed bounds reuse them."""
    result = reuse_or_make(
        workspace,
        "measure",
        measures_key(crops, poses, mattes),
        lambda out: measure_crops(out, crops, poses, mattes),
    )
    return cast(MeasuresTable, result)


def _empty_masks(mattes: MattesTable, workspace: Workspace) -> dict[str, Drop]:
    """Return the drops of matting, or of correcting its masks, by crop."""
    drops = map(Drop.model_validate, workspace.drop_rows(mattes))
    return {drop.item: drop for drop in drops}


def _drops(judged: Iterable[JudgedCrop], stage: Stage) -> list[Drop]:
    return [
        Drop(
            item=crop.crop_id,
            stage=stage,
            reason=crop.reason or "",  # a dropped crop has both, by `decide`
            value=crop.value,
            bound=crop.bound,
            sentence=crop.sentence or "",
        )
        for crop in judged
        if crop.verdict == "drop"
    ]
