"""The crops of a run as tables: all with their measures, and those that people should look at."""

from collections.abc import Iterable

import pandas as pd

from tasks.common.schema.columns import encode_row
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.tables import VERDICTS, make_table

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


def crops_table(crops: Iterable[RunCrop]) -> pd.DataFrame:
    """Return one row per crop with its last verdict, all failing rules and all measures."""
    rows = [encode_row(crop.verdict) | {"source_id": crop.source_id} for crop in crops]
    return make_table(rows, CROPS_OF_RUN)


def review_table(crops: Iterable[RunCrop]) -> pd.DataFrame:
    """Return one row per crop that people should look at, by reason, then by name."""
    chosen = [crop for crop in crops if crop.verdict.verdict == "review"]
    chosen.sort(key=lambda crop: (crop.verdict.reason or "", crop.stem))
    rows = []
    for crop in chosen:
        encoded = encode_row(crop.verdict) | {
            "source_id": crop.source_id,
            "time_s": crop.crop.time_s,
        }
        rows.append({name: encoded[name] for name in REVIEW})
    return make_table(rows, REVIEW)


def encode_csv(table: pd.DataFrame) -> bytes:
    """Encode with a header, LF and UTF-8, the same bytes for the same rows."""
    return bytes(table.to_csv(index=False, lineterminator="\n").encode())
