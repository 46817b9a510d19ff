"""The crops of a run as tables: all with their measures, and those that people should look at."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from tasks.common.schema.columns import to_frame
from tasks.common.schema.csv_text import csv_bytes
from tasks.common.schema.rows import JudgedCrop, RunCrop


@dataclass(frozen=True)
class VerdictRow:
    """A crop of a run with its last verdict: `source_id`, then the columns of the verdicts."""

    source_id: str
    verdict: JudgedCrop


@dataclass(frozen=True)
class ReviewRow:
    """A crop that people should look at; the columns of `review.csv`, in this order."""

    crop_id: str
    source_id: str
    time_s: float
    reason: str | None
    value: float | None
    bound: float | None
    sentence: str | None
    failed_rules: tuple[str, ...]


def crops_table(crops: Iterable[RunCrop]) -> pd.DataFrame:
    """Return one row per crop with its last verdict, all failing rules and all measures."""
    return to_frame(VerdictRow, (VerdictRow(crop.source_id, crop.verdict) for crop in crops))


def review_table(crops: Iterable[RunCrop]) -> pd.DataFrame:
    """Return one row per crop that people should look at, by reason, then by name."""
    chosen = [crop for crop in crops if crop.verdict.verdict == "review"]
    # By reason, so that a curator works through similar cases; by name, so that the bytes are
    # stable.
    chosen.sort(key=lambda crop: (crop.verdict.reason or "", crop.stem))
    return to_frame(ReviewRow, map(_review_row, chosen))


def _review_row(crop: RunCrop) -> ReviewRow:
    verdict = crop.verdict
    return ReviewRow(
        crop_id=crop.stem,
        source_id=crop.source_id,
        time_s=crop.crop.time_s,
        reason=verdict.reason,
        value=verdict.value,
        bound=verdict.bound,
        sentence=verdict.sentence,
        failed_rules=verdict.failed_rules,
    )


def encode_csv(table: pd.DataFrame) -> bytes:
    """Encode with a header, LF and UTF-8, the same bytes for the same rows."""
    return csv_bytes(table)
