"""Verdicts of one source: screening before matting, the last word after."""

import json
from typing import Any

from tasks.common.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tasks.common.bounds import RuleBounds
from tasks.common.keys import content_key
from tasks.common.records import Drop, Source, Stage, StageResult
from tasks.common.tables import ADMITTED, VERDICTS, make_table, plain_rows
from tasks.filter import VERSION
from tasks.filter.decide import decide
from tasks.filter.measure import join_measures, measure_crops, measures_key


def screen_key(source: Source, crops: StageResult, recipe: RuleBounds) -> str:
    """Name the artifact by the crops, the bounds, and what the rules read of the source."""
    return content_key("screen", VERSION, crops.digest, source.scenes, recipe)


def filter_key(source: Source, crops: StageResult, mattes: StageResult, recipe: RuleBounds) -> str:
    """Name the artifact by crops, mattes, bounds, and what the rules read of the source."""
    return content_key("filter", VERSION, crops.digest, mattes.digest, source.scenes, recipe)


def screen_crops(
    source: Source, crops: StageResult, recipe: RuleBounds, out: ArtifactWriter
) -> StageResult:
    """Decide which crops are worth matting; crops in = admitted + drops.

    Hands on nothing but the names of the admitted crops, so that a bound that moves without
    letting other crops in leaves the mattes as they are.
    """
    measures = _measured(source, crops, None, out.workspace)
    rows = [
        decide(row, source, recipe, with_mask=False)
        for row in plain_rows(out.workspace.items(measures))
    ]
    admitted = [{"crop_id": row["crop_id"]} for row in rows if row["verdict"] != "drop"]
    return out.commit(make_table(admitted, ADMITTED), _drops(rows, "screen"), n_in=len(rows))


def filter_crops(
    source: Source,
    crops: StageResult,
    mattes: StageResult,
    recipe: RuleBounds,
    out: ArtifactWriter,
) -> StageResult:
    """Give every crop its verdict; crops in = kept or for review + drops."""
    workspace = out.workspace
    before = workspace.items(_measured(source, crops, None, workspace))
    after = workspace.items(_measured(source, crops, mattes, workspace))
    matted, empty = set(after["crop_id"]), workspace.drops(mattes)
    empty_rows = {row["item"]: row for row in plain_rows(empty)}
    rows = []
    for row in plain_rows(join_measures(before, after)):
        verdict = decide(row, source, recipe, with_mask=row["crop_id"] in matted)
        rows.append(_no_mask(verdict, empty_rows.get(row["crop_id"])))
    return out.commit(make_table(rows, VERDICTS), _drops(rows, "filter"), n_in=len(rows))


def _no_mask(verdict: dict[str, Any], empty: dict[str, Any] | None) -> dict[str, Any]:
    """A crop on which the matting model found nobody is dropped, whatever the recipe says."""
    if empty is None:
        return verdict
    told = {name: empty[name] for name in ("reason", "value", "bound", "sentence")}
    failed = [empty["reason"], *json.loads(verdict["failed_rules"])]
    return verdict | told | {"verdict": "drop", "failed_rules": json.dumps(failed)}


def _measured(
    source: Source, crops: StageResult, mattes: StageResult | None, workspace: Workspace
) -> StageResult:
    return reuse_or_make(
        workspace,
        "measure",
        measures_key(crops, mattes),
        lambda out: measure_crops(source, crops, mattes, out),
    )


def _drops(rows: list[dict[str, Any]], stage: Stage) -> list[Drop]:
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
