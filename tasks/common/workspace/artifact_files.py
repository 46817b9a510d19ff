"""Which files belong to an artifact: its marker, and the paths and digests in its items table."""

from collections.abc import Iterator

import pandas as pd
from pydantic import Field

from tasks.common.records import Record, StageResult

MARKER = "artifact.json"


class Marker(Record):
    """The content of `artifact.json`, which is written last and makes the artifact exist."""

    result: StageResult
    tables: dict[str, str] = Field(description="sha256 by the name of the table")
    sizes: dict[str, int] = Field({}, description="bytes of each file that was put")


def without_paths(items: pd.DataFrame) -> pd.DataFrame:
    """Return the table without its path columns; digests of the files stay.

    Paths contain the artifact's key. With them, two artifacts with equal content but different
    inputs would get different digests, and every later stage would be computed again.
    """
    names = [name for name in map(str, items.columns) if not _is_path(name.rpartition(".")[2])]
    return items[names]


def files_of(items: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield path and sha256 of every file that the table names."""
    for column in map(str, items.columns):
        # The pair of columns is a convention of `schema.rows`: `x_path` and `x_digest`.
        if _is_path(column):
            digests = items[column.removesuffix("path") + "digest"]
            pairs = zip(items[column], digests, strict=True)
            yield from ((path, digest) for path, digest in pairs if not pd.isna(path))


def _is_path(column: str) -> bool:
    """Say whether a column names files of this artifact.

    A column with a prefix, such as `crop.path`, repeats a row of another stage's table: that stage
    answers for the file.
    """
    return "." not in column and (column == "path" or column.endswith("_path"))
