"""Verdicts of one source: screening before matting, the final verdicts after."""

from collections.abc import Iterable, Mapping
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
from tasks.common.schema.rows import Admitted, Crop, JudgedCrop, Matte, MeasuredCrop
from tasks.common.schema.rulings import place_decisions
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tasks.common.workspace.decisions import NO_DECISIONS, DecisionSet
from tasks.filter import VERSION
from tasks.filter.corrected import settle_all
from tasks.filter.decided import settle_by_decisions
from tasks.filter.judge import NO_RULINGS, Rulings, drop_empty_mask, judge_source
from tasks.filter.measure import join_measures, measure_crops, measures_key
from tasks.filter.trust import shipped_trust


def screen_key(
    source: Source,
    crops: CropsTable,
    poses: PosesTable | None,
    recipe: RuleBounds,
    decisions: DecisionSet = NO_DECISIONS,
) -> str:
    """Name the artifact by crops, poses, bounds, decisions, and the source's tags and licence."""
    parts = [crops.digest, poses and poses.digest]
    about = [source.scenes, source.licence, recipe, *_decided(decisions)]
    return content_key("screen", VERSION, *parts, *about)


def filter_key(
    source: Source,
    crops: CropsTable,
    poses: PosesTable | None,
    mattes: MattesTable,
    recipe: RuleBounds,
    decisions: DecisionSet = NO_DECISIONS,
) -> str:
    """Name the artifact by crops, poses, mattes, bounds, decisions, and the source's tags and
    licence.
    """
    parts = [crops.digest, poses and poses.digest, mattes.digest, shipped_trust().digest]
    about = [source.scenes, source.licence, recipe, *_decided(decisions)]
    return content_key("filter", VERSION, *parts, *about)


def _decided(decisions: DecisionSet) -> list[list[str]]:
    """Return the part of a key: none without decisions, so that such keys stay as they were."""
    return [decisions.ids] if decisions.ids else []


def screen_crops(
    out: ArtifactWriter,
    source: Source,
    crops: CropsTable,
    poses: PosesTable | None,
    recipe: RuleBounds,
    decisions: DecisionSet = NO_DECISIONS,
) -> AdmittedTable:
    """Decide which crops are worth matting; crops in = admitted + drops.

    The table has only the ids of the admitted crops. So a changed bound that admits the same crops
    gives the same digest, and the mattes stay valid. Decisions only add crops: one that a curator
    drops keeps its matte, for whoever looks at it again.
    """
    # Measures are an artifact of their own, which names no bounds: other bounds read it again.
    measures = _measured(out.workspace, crops, poses, None)
    measured = out.workspace.rows(MeasuredCrop, measures)
    judged = judge_source(measured, source, recipe)
    rulings = _rulings(crops, None, decisions, out.workspace)
    if rulings:
        decided = judge_source(measured, source, recipe, rulings=rulings)
        decided = settle_by_decisions(decided, source, recipe, {}, rulings)
        # Whatever either admits: the neighbour of a crop that a curator drops may take its place.
        judged = [
            own if own.verdict != "drop" else other
            for own, other in zip(judged, decided, strict=True)
        ]
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
    decisions: DecisionSet = NO_DECISIONS,
) -> VerdictsTable:
    """Give every crop its verdict; crops in = kept or for review + drops."""
    workspace = out.workspace
    # Both passes are judged here: screening hands on ids only, so the verdicts are complete by
    # themselves.
    before = workspace.rows(MeasuredCrop, _measured(workspace, crops, poses, None))
    after = workspace.rows(MeasuredCrop, _measured(workspace, crops, poses, mattes))
    rows = {matte.crop_id: matte for matte in workspace.rows(Matte, mattes)}
    rulings = _rulings(crops, rows, decisions, workspace)
    matted = {crop.crop_id for crop in after}
    judged = judge_source(join_measures(before, after), source, recipe, matted, rulings)
    channels = {crop_id: matte.channel for crop_id, matte in rows.items()}
    settled = settle_all(judged, source, recipe, channels)
    settled = settle_by_decisions(settled, source, recipe, channels, rulings)
    empty = _empty_masks(mattes, workspace)
    final = [drop_empty_mask(crop, empty.get(crop.crop_id)) for crop in settled]
    drops = _drops(final, "filter")
    return VerdictsTable(out.commit_rows(JudgedCrop, final, drops, n_in=len(final)))


def _rulings(
    crops: CropsTable,
    mattes: Mapping[str, Matte] | None,
    decisions: DecisionSet,
    workspace: Workspace,
) -> Rulings:
    """Return what curators decided about the crops of a source, by crop id."""
    if not decisions.ids:
        return NO_RULINGS
    placed = place_decisions(workspace.rows(Crop, crops), mattes or {}, decisions.standing)
    return {crop_id: of_crop.ruling for crop_id, of_crop in placed.items()}


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
