"""Item tables: pandas frames with declared columns, stored as Parquet."""

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.files import digest_bytes
from tasks.common.records import Drop, SourceDrop
from tasks.common.schema.columns import frame_of, plain_rows
from tasks.common.schema.rule_names import MEASURED_RULES

__all__ = ["plain_rows"]

Columns = Mapping[str, str]

DROPS: Columns = {
    "item": "string",
    "stage": "string",
    "reason": "string",
    "value": "Float64",
    "bound": "Float64",
    "sentence": "string",
}

# Of a stage that works on all sources of a run.
SOURCE_DROPS: Columns = {**DROPS, "source_id": "string"}

MEDIA: Columns = {
    "media_id": "string",
    "path": "string",
    "digest": "string",
    "size_bytes": "Int64",
    "kind": "string",
    "codec": "string",
    "width_px": "Int64",
    "height_px": "Int64",
    "frame_rate": "string",
    "duration_s": "Float64",
    "rotation_deg": "Int64",
    "projection": "string",
    "labels_path": "string",  # PNG as large as the picture: 0, or the number of a person
    "labels_digest": "string",
    "channel": "string",  # who marked the people; missing where nobody did
}

FRAMES: Columns = {
    "frame_id": "string",
    "media_id": "string",
    "time_s": "Float64",
    "width_px": "Int64",
    "height_px": "Int64",
    "projection": "string",
    "path": "string",
    "digest": "string",
    "labels_path": "string",  # as of the media
    "labels_digest": "string",
    "channel": "string",
}

CROPS: Columns = {
    "crop_id": "string",
    "frame_id": "string",
    "media_id": "string",
    "time_s": "Float64",
    "frame_size_wh": "string",  # JSON [width, height] of the frame in px
    "projection": "string",
    "person_box_xyxy": "string",  # JSON, px of the frame, as the detector gave it
    "crop_box_xyxy": "string",  # JSON, whole px of the frame
    "confidence": "Float64",
    "others_xyxy": "string",  # JSON list of the other people's boxes in the frame
    "path": "string",
    "digest": "string",
    "given_path": "string",  # PNG 0 and 1 as large as the crop; missing where a model shall say
    "given_digest": "string",
    "channel": "string",
}

POSES: Columns = {
    "crop_id": "string",
    "points_xy": "string",  # JSON [17][2], px of the crop, in the order of COCO's keypoints
    "seen": "string",  # JSON [17], how surely each is in the picture and visible, 0..1
    "mask_path": "string",  # the person's pixels by the pose model, at most 256 px; may be missing
    "mask_digest": "string",
    "model": "string",
    "model_digest": "string",
}

MATTES: Columns = {
    "crop_id": "string",
    "alpha_path": "string",
    "alpha_digest": "string",
    "mask_path": "string",
    "mask_digest": "string",
    "tight_box_xyxy": "string",  # JSON, whole px of the crop
    "raw_min": "Float64",
    "raw_max": "Float64",
    "second_path": "string",  # alpha by the second model; missing where the recipe asks for none
    "second_digest": "string",
    "model": "string",
    "model_digest": "string",
    "channel": "string",  # who annotated: rembg and its model, or people by way of a data set
}

ADMITTED: Columns = {"crop_id": "string"}

# What the rules measured, and the hashes by which crops are compared with each other.
MEASURES: Columns = {
    "crop_id": "string",
    **dict.fromkeys(MEASURED_RULES, "Float64"),
    "hash": "string",
    "mirror_hash": "string",
}

VERDICTS: Columns = {
    "crop_id": "string",
    "verdict": "string",
    "reason": "string",
    "value": "Float64",
    "bound": "Float64",
    "sentence": "string",
    "failed_rules": "string",  # JSON list, in the order of the rules
    "nearest_crop": "string",  # the better crop that near_duplicate compared with
    **MEASURES,
}


def make_table(rows: Iterable[Mapping[str, Any]], columns: Columns) -> pd.DataFrame:
    """Build a frame with exactly `columns`; an absent value becomes a missing one.

    Raises:
        ValueError: a row carries a column that is not declared.
    """
    rows = list(rows)
    unknown = sorted({name for row in rows for name in row} - set(columns))
    if unknown:
        raise ValueError(f"undeclared columns: {', '.join(unknown)}")
    return frame_of(rows, columns)


def drops_table(drops: Iterable[Drop]) -> pd.DataFrame:
    """Build the drops table of a stage; with the sources where the drops name them."""
    drops = list(drops)
    columns = SOURCE_DROPS if any(isinstance(drop, SourceDrop) for drop in drops) else DROPS
    return make_table((drop.model_dump() for drop in drops), columns)


def encode_table(table: pd.DataFrame) -> bytes:
    """Encode as Parquet; pandas' own metadata keeps the column types."""
    stream = BytesIO()
    table.to_parquet(stream, index=False, compression="zstd")
    return stream.getvalue()


def read_table(path: Path) -> pd.DataFrame:
    """Read a table with the column types that it was written with."""
    return pd.read_parquet(path)


def digest_table(table: pd.DataFrame) -> str:
    """Return a digest of the values, which does not depend on the Parquet writer's version."""
    text = json.dumps(plain_rows(table), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return digest_bytes(text.encode())
