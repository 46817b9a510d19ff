"""The measures table: one column per rule, one row per crop, missing where not measurable."""

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from tasks.common.digests import content_key
from tasks.common.progress import track
from tasks.common.records import StageResult
from tasks.common.schema.tables import MEASURES, make_table, plain_rows
from tasks.common.similarity.picture_hash import hash_picture
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.filter import VERSION
from tasks.filter.rule import Measured
from tasks.filter.rules import RULES
from tasks.filter.subject import Subject

Row = dict[str, Any]
_DECIMALS = 6


def measures_key(crops: StageResult, poses: StageResult | None, mattes: StageResult | None) -> str:
    """Name a measures artifact by what was measured; bounds do not belong here."""
    return content_key(
        "measure", VERSION, crops.digest, poses and poses.digest, mattes and mattes.digest
    )


def measure_crops(
    crops: StageResult,
    poses: StageResult | None,
    mattes: StageResult | None,
    out: ArtifactWriter,
) -> StageResult:
    """Measure every crop by the rules that need no mask, or every matted one by those that do."""
    rows = plain_rows(out.workspace.items(crops))
    posed, matted = _by_crop(out.workspace, poses), _by_crop(out.workspace, mattes)
    chosen = [row for row in rows if mattes is None or row["crop_id"] in matted]
    subjects = (
        Subject(out.workspace, row, posed.get(row["crop_id"]), matted.get(row["crop_id"]))
        for row in chosen
    )
    label = "screen" if mattes is None else "filter"
    measured = [
        {"crop_id": subject.crop["crop_id"]} | _measure_one(subject, needs_mask=mattes is not None)
        for subject in track(subjects, label, len(chosen))
    ]
    return out.commit(make_table(measured, MEASURES), [], n_in=len(chosen))


def _measure_one(subject: Subject, *, needs_mask: bool) -> Row:
    values: Row = {
        rule.name: _finite(rule.measure, subject)
        for rule in RULES.values()
        if rule.measure is not None and rule.needs_mask == needs_mask
    }
    if not needs_mask:
        values["hash"], values["mirror_hash"] = hash_picture(subject.rgb)
    return values


def _finite(measure: Callable[[Subject], Measured], subject: Subject) -> Measured:
    """Let no NaN pass: it would be smaller than no bound and larger than none."""
    value = measure(subject)
    return None if value is None or not math.isfinite(value) else round(float(value), _DECIMALS)


def _by_crop(workspace: Workspace, result: StageResult | None) -> dict[str, Row]:
    if result is None:
        return {}
    return {row["crop_id"]: row for row in plain_rows(workspace.items(result))}


def join_measures(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Bring the measures of both groups of rules into one table of all crops."""
    with_mask = ["crop_id", *(rule.name for rule in RULES.values() if rule.needs_mask)]
    without = [name for name in MEASURES if name not in with_mask[1:]]
    joined = before[without].merge(after[with_mask], on="crop_id", how="left", validate="1:1")
    return joined[list(MEASURES)]
