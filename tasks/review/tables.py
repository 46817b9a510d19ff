"""The crops of a run as tables: all with their measures, and those that people should look at."""

from typing import Any

import pandas as pd

from tasks.common.schema.tables import VERDICTS, make_table
from tasks.deduplicate.run_crops import Subset

Row = dict[str, Any]

REVIEW = {
    "crop_id": "string",
    "source_id": "string",
    "time_s": "Float64",
    "reason": "string",
    "value": "Float64",
    "bound": "Float64",
    "sentence": "string",
    "failed_rules": "string",
}
CROPS_OF_RUN = {"source_id": "string", **VERDICTS}


def crops_table(subset: Subset) -> pd.DataFrame:
    """Return one row per crop with its last verdict, all failing rules and all measures."""
    rows = [row | {"source_id": source.source_id} for source, row in subset.verdicts()]
    return make_table(rows, CROPS_OF_RUN)


def review_table(subset: Subset) -> pd.DataFrame:
    """Return one row per crop that people should look at, by reason, then by name."""
    rows = [_review_row(judged.source.source_id, judged.crop["time_s"], judged.verdict)
            for judged in subset.crops("review")]  # fmt: skip
    rows.sort(key=lambda row: (row["reason"] or "", row["crop_id"]))
    return make_table(rows, REVIEW)


def _review_row(source_id: str, time_s: float, verdict: Row) -> Row:
    told = {name: verdict[name] for name in REVIEW if name in verdict}
    return told | {"source_id": source_id, "time_s": time_s}


def encode_csv(table: pd.DataFrame) -> bytes:
    """Encode with a header, LF and UTF-8, the same bytes for the same rows."""
    return bytes(table.to_csv(index=False, lineterminator="\n").encode())
