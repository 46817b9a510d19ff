"""Which files belong to an artifact: its marker, and the paths and digests in its items table."""

from collections.abc import Iterator

import pyarrow as pa
from pydantic import Field

from tasks.common.records import Record, StageResult

MARKER = "artifact.json"


class Marker(Record):
    """The content of `artifact.json`, which is written last and makes the artifact exist."""

    result: StageResult
    tables: dict[str, str] = Field(description="sha256 by the name of the table")
    sizes: dict[str, int] = Field({}, description="bytes of each file that was put")


def without_paths(items: pa.Table) -> pa.Table:
    """Return the table without its path columns; digests of the files stay.

    Paths contain the artifact's key. With them, two artifacts with equal content but different
    inputs would get different digests, and every later stage would be computed again.
    """
    return items.select(
        [name for name in items.column_names if not _is_path(name.rpartition(".")[2])]
    )


def files_of(items: pa.Table) -> Iterator[tuple[str, str]]:
    """Yield path and sha256 of every file that the table names."""
    for column in filter(_is_path, items.column_names):
        paths = items[column].to_pylist()
        # The pair of columns is a convention of `schema.rows`: `x_path` and `x_digest`.
        digests = items[column.removesuffix("path") + "digest"].to_pylist()
        pairs = zip(paths, digests, strict=True)
        yield from ((path, digest) for path, digest in pairs if path is not None)


def _is_path(column: str) -> bool:
    """Say whether a column names files of this artifact.

    A column with a prefix, such as `crop.path`, repeats a row of another stage's table: that stage
    answers for the file.
    """
    return "." not in column and (column == "path" or column.endswith("_path"))
