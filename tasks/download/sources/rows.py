"""Rows of list files: CSV, YAML and Parquet, read but not validated yet."""

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tasks.common.errors import InputError
from tasks.common.records import Source
from tasks.common.yaml_text import load_yaml

Entry = Mapping[str, object]
"""An entry of a list before validation by `Source` or a collection."""

REQUIRED = ("source_id", "uri")
COLUMNS = (
    *REQUIRED,
    *(name for name in Source.model_fields if name not in (*REQUIRED, "annotation")),
)
# Not a comma, which separates cells.
_SCENE_SEPARATORS = re.compile(r"[;|]")


def split_scenes(scenes: Any) -> tuple[str, ...]:
    """Return scene tags, given as a list or as text separated by `;` or `|`."""
    parts = _SCENE_SEPARATORS.split(scenes) if isinstance(scenes, str) else (scenes or ())
    return tuple(text for part in parts if (text := str(part).strip()))


def read_text(path: Path) -> str:
    """Read a list's text.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        # Excel writes a byte order mark, which would become part of the first column's name.
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save the list as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of keys and values.

    Raises:
        InputError: it is not one.
    """
    return parse_yaml(read_text(path), str(path))


def parse_yaml(text: str, origin: str) -> dict[str, Any]:
    """Read YAML text of keys and values; error messages call it `origin`.

    Raises:
        InputError: it is not of this form.
    """
    try:
        values = load_yaml(text)
    except yaml.YAMLError as error:
        raise InputError(f"{origin} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{origin} holds no list under the key 'sources'.")
    return values


def csv_rows(text: str, origin: str) -> list[Entry]:
    """Return the rows of a CSV; empty rows and cells are left out.

    Raises:
        InputError: its columns are not those of a source list, or a row has more cells.
    """
    # `newline=""`: a quoted cell may hold a line break.
    rows = list(csv.reader(io.StringIO(text, newline="")))
    columns = [cell.strip() for cell in rows[0]] if rows else []
    _require_columns(columns, origin)
    filled = [[cell.strip() for cell in row] for row in rows[1:] if any(map(str.strip, row))]
    for number, row in enumerate(filled, start=1):
        if any(row[len(columns) :]):
            raise InputError(
                f"{origin}, entry {number} has {len(row)} cells, more than the {len(columns)} "
                "columns; put a cell that holds a comma in double quotes."
            )
    return [
        {name: cell for name, cell in zip(columns, row, strict=False) if cell} for row in filled
    ]


def parquet_rows(path: Path) -> list[Entry]:
    """Return the rows of a Parquet table; empty cells are left out.

    Raises:
        InputError: it cannot be read, or its columns are not those of a source list.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"{path} is no Parquet table: {error}") from error
    _require_columns(table.column_names, str(path))
    return [
        {name: value for name, value in row.items() if value not in (None, "", [])}
        for row in table.to_pylist()
    ]


def _require_columns(columns: list[str], origin: str) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name or "(no name)" for name in columns if name not in COLUMNS]
    if missing or unknown or len(set(columns)) < len(columns):
        raise InputError(
            f"{origin} has the columns {', '.join(columns) or '(none)'}; "
            f"missing: {', '.join(missing) or 'none'}; not known: {', '.join(unknown) or 'none'}; "
            f"each may occur once. Known columns: {', '.join(COLUMNS)}."
        )
