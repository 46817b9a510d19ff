"""Rows of list files: CSV, YAML and Parquet, read but not validated yet."""

import codecs
import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

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
# Not a comma, which separates cells. The full-width ones are what Chinese keyboards give.
_SCENE_SEPARATORS = re.compile("[;|\uff1b\uff5c\u3001\uff0c]")
# What spreadsheets write between cells, by country and by menu entry; the last one is typed.
_CELL_SEPARATORS = (",", ";", "\t", "\uff0c")
_PARQUET_ROWS, _PARQUET_BYTES = 2_000_000, 1 << 30  # a small file may unpack to terabytes
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def split_scenes(scenes: Any) -> tuple[str, ...]:
    """Return scene tags, given as a list or as text separated by `;` or `|`."""
    parts = _SCENE_SEPARATORS.split(scenes) if isinstance(scenes, str) else (scenes or ())
    return tuple(text for part in parts if (text := str(part).strip()))


def read_text(path: Path) -> str:
    """Read a list's text: UTF-8, or what spreadsheets call Unicode text (UTF-16).

    Raises:
        InputError: it cannot be read, or has another encoding.
    """
    try:
        data = path.read_bytes()
        # A byte order mark would become part of the first column's name.
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    # Other encodings are not told apart for certain: a wrong guess garbles names silently.
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text; save the list as UTF-8 (in Excel: CSV UTF-8; from GBK: "
            "iconv -f gb18030 -t utf-8)."
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError(f"{path} has a NUL character in line {line}; it is no text file.")
    return text


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

    Cells are separated by commas, semicolons, tabs or full-width commas, whichever gives the
    required columns.

    Raises:
        InputError: its columns are not those of a source list, a row has more cells, or a quote is
            not closed.
    """
    separator = _separator_of(text)
    rows = _parse_csv(text, separator, origin)
    columns = [cell.strip().lower() for cell in rows[0].cells] if rows else []
    _require_columns(columns, origin)
    filled = [row for row in rows[1:] if any(map(str.strip, row.cells))]
    for number, row in enumerate(filled, start=1):
        _require_one_row(row, len(columns), separator, f"{origin}, entry {number}")
    return [
        {name: cell.strip() for name, cell in zip(columns, row.cells, strict=False) if cell.strip()}
        for row in filled
    ]


class _Row(NamedTuple):
    """The cells of a row, and the line in which it begins."""

    cells: list[str]
    line: int


def _separator_of(text: str) -> str:
    """Return the separator by which the first line has the required columns, else the comma."""
    first_line = (text.lstrip().splitlines() or [""])[0]
    for separator in _CELL_SEPARATORS:
        names = {cell.strip(' \t"').lower() for cell in first_line.split(separator)}
        if names.issuperset(REQUIRED):
            return separator
    return ","


def _parse_csv(text: str, separator: str, origin: str) -> list[_Row]:
    rows: list[_Row] = []
    # `newline=""`: a quoted cell may hold a line break. Strict: a quote that is never closed, or
    # that the next one closes, would swallow all rows between.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            rows.append(_Row(cells, line))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{origin}, line {line}: a double quote is not closed, or text follows a closed one "
            f"({error}). Close it, or write a quote inside of a quoted cell twice."
        ) from error
    return rows


def _require_one_row(row: _Row, n_columns: int, separator: str, name: str) -> None:
    """Refuse a row with too many cells, and one whose quoted cell has swallowed other rows."""
    if any(map(str.strip, row.cells[n_columns:])):
        raise InputError(
            f"{name} has {len(row.cells)} cells, more than the {n_columns} columns; put a cell "
            f"that holds {separator!r} in double quotes."
        )
    later_lines = (line for cell in row.cells for line in cell.splitlines()[1:])
    if any(line.count(separator) >= n_columns - 1 for line in later_lines):
        raise InputError(
            f"{name} (line {row.line}) begins a quoted cell that holds other rows; close its "
            "double quote."
        )


def parquet_rows(path: Path) -> list[Entry]:
    """Return the rows of a Parquet table; empty cells are left out.

    Raises:
        InputError: it cannot be read, is too large, or its columns are not those of a source list.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        facts = pyarrow.parquet.read_metadata(path)
        n_bytes = sum(facts.row_group(at).total_byte_size for at in range(facts.num_row_groups))
        if n_bytes > _PARQUET_BYTES or facts.num_rows > _PARQUET_ROWS:
            raise InputError(
                f"{path} unpacks to {facts.num_rows:,} rows and {n_bytes >> 20:,} MB, more than a "
                f"source list may have ({_PARQUET_ROWS:,} rows, {_PARQUET_BYTES >> 20:,} MB). "
                "Split it."
            )
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
