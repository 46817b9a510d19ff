"""The measures table: one column per rule, one row per crop, missing where not measurable."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from tasks.common.artifacts import ArtifactWriter, Workspace
from tasks.common.keys import content_key
from tasks.common.progress import track
from tasks.common.records import Source, StageResult
from tasks.common.tables import make_table, plain_rows
from tasks.filter import VERSION
from tasks.filter.rules import RULES
from tasks.filter.subject import Subject

MEASURES = {"crop_id": "string"} | dict.fromkeys(RULES, "Float64")


def measures_key(crops: StageResult, mattes: StageResult | None) -> str:
    """Name a measures artifact by what was measured; bounds do not belong here."""
    return content_key("measure", VERSION, crops.digest, mattes and mattes.digest)


def measure_crops(
    source: Source, crops: StageResult, mattes: StageResult | None, out: ArtifactWriter
) -> StageResult:
    """Measure every crop by the rules that need no mask, or every matted one by those that do."""
    rows = plain_rows(out.workspace.items(crops))
    of_matte = _mattes(out.workspace, mattes)
    chosen = [row for row in rows if mattes is None or row["crop_id"] in of_matte]
    names = [rule.name for rule in RULES.values() if rule.needs_mask == (mattes is not None)]
    subjects = (
        Subject(out.workspace.root, source, row, of_matte.get(row["crop_id"])) for row in chosen
    )
    label = "screen" if mattes is None else "filter"
    measured = [
        {"crop_id": subject.crop["crop_id"]} | _measure_one(subject, names)
        for subject in track(subjects, label, len(chosen))
    ]
    return out.commit(make_table(measured, MEASURES), [], n_in=len(chosen))


def _measure_one(subject: Subject, names: Iterable[str]) -> dict[str, float | None]:
    return {name: _finite(RULES[name].measure(subject)) for name in names}


def _finite(value: float | None) -> float | None:
    """Let no NaN pass: it would be smaller than no bound and larger than none."""
    return None if value is None or not math.isfinite(value) else round(float(value), 6)


def _mattes(workspace: Workspace, mattes: StageResult | None) -> dict[str, dict[str, Any]]:
    if mattes is None:
        return {}
    return {row["crop_id"]: row for row in plain_rows(workspace.items(mattes))}


def join_measures(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Bring the measures of both groups of rules into one table of all crops."""
    with_mask = ["crop_id", *(rule.name for rule in RULES.values() if rule.needs_mask)]
    without = [name for name in MEASURES if name not in with_mask[1:]]
    joined = before[without].merge(after[with_mask], on="crop_id", how="left", validate="1:1")
    return joined[list(MEASURES)]
