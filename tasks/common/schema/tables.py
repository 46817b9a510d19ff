"""Item tables: Arrow tables with declared columns, stored as Parquet that pandas reads.

The columns of a stage's rows are those of its dataclass (`schema.rows`); those of its drops are the
fields of the records `Drop` and `SourceDrop`.
"""

import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.common.files import digest_bytes
from tasks.common.records import Drop, SourceDrop
from tasks.common.schema.columns import plain_rows, table_of

__all__ = ["plain_rows"]


def drop_columns(kind: type[Drop]) -> dict[str, str]:
    """Return the columns of a table of drops, in order, with their pandas types."""
    numbers = float | None
    return {
        name: "Float64" if field.annotation == numbers else "string"
        for name, field in kind.model_fields.items()
    }


def drops_table(drops: Iterable[Drop]) -> pa.Table:
    """Build the drops table of a stage; with the sources where the drops name them."""
    drops = list(drops)
    columns = drop_columns(
        SourceDrop if any(isinstance(drop, SourceDrop) for drop in drops) else Drop
    )
    return table_of([drop.model_dump() for drop in drops], columns)


def encode_table(table: pa.Table | pd.DataFrame) -> bytes:
    """Encode as Parquet; pandas' own metadata keeps the column types."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    stream = BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def read_table(source: Path | BytesIO) -> pa.Table:
    """Read a table with the column types that it was written with.

    Raises:
        OSError, ValueError: the file is missing or damaged; others are raised of flipped bits.
    """
    with pq.ParquetFile(source) as file:
        # Item tables are small: handing columns to threads costs more than decoding them.
        return file.read(use_threads=False)


def digest_table(table: pa.Table) -> str:
    """Return a digest of the values, which does not depend on the Parquet writer's version."""
    rows = table.to_pylist()
    text = json.dumps(rows, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return digest_bytes(text.encode())
