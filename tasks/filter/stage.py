"""Verdicts of one source: screening before matting, the last word after."""

from typing import Any

from tasks.common.digests import content_key
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Drop, Source, Stage, StageResult
from tasks.common.schema.tables import ADMITTED, VERDICTS, make_table, plain_rows
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tasks.filter import VERSION
from tasks.filter.judge import judge_source, without_mask
from tasks.filter.measure import join_measures, measure_crops, measures_key

Row = dict[str, Any]


def screen_key(
    source: Source, crops: StageResult, poses: StageResult | None, recipe: RuleBounds
) -> str:
    """Name the artifact by crops, poses, bounds, and what the rules read of the source."""
    parts = [crops.digest, poses and poses.digest]
    return content_key("screen", VERSION, *parts, source.scenes, source.licence, recipe)


def filter_key(
    source: Source,
    crops: StageResult,
    poses: StageResult | None,
    mattes: StageResult,
    recipe: RuleBounds,
) -> str:
    """Name the artifact by crops, poses, mattes, bounds, and what is read of the source."""
    parts = [crops.digest, poses and poses.digest, mattes.digest]
    return content_key("filter", VERSION, *parts, source.scenes, source.licence, recipe)


def screen_crops(
    source: Source,
    crops: StageResult,
    poses: StageResult | None,
    recipe: RuleBounds,
    out: ArtifactWriter,
) -> StageResult:
    """Decide which crops are worth matting; crops in = admitted + drops.

    Hands on nothing but the names of the admitted crops, so that a bound that moves without
    letting other crops in leaves the mattes as they are.
    """
    measures = _measured(crops, poses, None, out.workspace)
    rows = judge_source(plain_rows(out.workspace.items(measures)), source, recipe)
    admitted = [{"crop_id": row["crop_id"]} for row in rows if row["verdict"] != "drop"]
    return out.commit(make_table(admitted, ADMITTED), _drops(rows, "screen"), n_in=len(rows))


def filter_crops(
    source: Source,
    crops: StageResult,
    poses: StageResult | None,
    mattes: StageResult,
    recipe: RuleBounds,
    out: ArtifactWriter,
) -> StageResult:
    """Give every crop its verdict; crops in = kept or for review + drops."""
    workspace = out.workspace
    before = workspace.items(_measured(crops, poses, None, workspace))
    after = workspace.items(_measured(crops, poses, mattes, workspace))
    measures = plain_rows(join_measures(before, after))
    empty = {row["item"]: row for row in plain_rows(workspace.drops(mattes))}
    judged = judge_source(measures, source, recipe, matted=set(after["crop_id"]))
    rows = [without_mask(row, empty.get(row["crop_id"])) for row in judged]
    return out.commit(make_table(rows, VERDICTS), _drops(rows, "filter"), n_in=len(rows))


def _measured(
    crops: StageResult,
    poses: StageResult | None,
    mattes: StageResult | None,
    workspace: Workspace,
) -> StageResult:
    return reuse_or_make(
        workspace,
        "measure",
        measures_key(crops, poses, mattes),
        lambda out: measure_crops(crops, poses, mattes, out),
    )


def _drops(rows: list[Row], stage: Stage) -> list[Drop]:
    return [
        Drop(
            item=row["crop_id"],
            stage=stage,
            reason=row["reason"],
            value=row["value"],
            bound=row["bound"],
            sentence=row["sentence"],
        )
        for row in rows
        if row["verdict"] == "drop"
    ]
