"""Item tables: pandas frames with declared columns, stored as Parquet.

The columns of a stage's rows are those of its dataclass (`schema.rows`); those of its drops are the
fields of the records `Drop` and `SourceDrop`.
"""

import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pandas as pd

from tasks.common.files import digest_bytes
from tasks.common.records import Drop, SourceDrop
from tasks.common.schema.columns import frame_of, plain_rows

__all__ = ["plain_rows"]


def drop_columns(kind: type[Drop]) -> dict[str, str]:
    """Return the columns of a table of drops, in order, with their pandas types."""
    numbers = float | None
    return {
        name: "Float64" if field.annotation == numbers else "string"
        for name, field in kind.model_fields.items()
    }


def drops_table(drops: Iterable[Drop]) -> pd.DataFrame:
    """Build the drops table of a stage; with the sources where the drops name them."""
    drops = list(drops)
    columns = drop_columns(
        SourceDrop if any(isinstance(drop, SourceDrop) for drop in drops) else Drop
    )
    return frame_of([drop.model_dump() for drop in drops], columns)


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
