"""Decisions as a CSV file that people read and git holds: a decision a line, nothing left out."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from tasks.common.errors import InputError
from tasks.common.schema.decisions import Decision

_LISTS = ("scenes", "add", "remove")
_PLACE = ("time_s", "frame_size_wh", "projection", "person_xyxy", "picture_digest", "mask_digest")
COLUMNS = (
    "id",
    "at",
    "author",
    "action",
    "item",
    "reason",
    *_LISTS,
    "applied_from",
    "undoes",
    "media_id",
    *_PLACE,
)
_NUMBERS = {"frame_size_wh": int, "person_xyxy": float}
_NO_SCENES = "-"  # the scenes are replaced by none at all; an empty cell says nothing about scenes
_MAX_PROBLEMS = 20
# What spreadsheets take for a formula when they open a CSV; reasons come from people.
_FORMULA = re.compile(r"^[=+\-@\t\r']")
_TEXTS = ("author", "item", "reason")


class _Row(NamedTuple):
    number: int
    cells: Mapping[str, str]


def encode_decisions(decisions: Iterable[Decision]) -> bytes:
    """Return all lines, oldest first: UTF-8, a header, LF. Equal decisions give equal bytes."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for decision in sorted(decisions, key=lambda each: each.order):
        writer.writerow(_cells(decision))
    return stream.getvalue().encode()


def decode_decisions(data: bytes, origin: str) -> list[Decision]:
    """Return the decisions of a CSV file, which messages call `origin`.

    Raises:
        InputError: a sentence for each row that is none. No row is taken then.
    """
    problems: list[str] = []
    decisions: list[Decision] = []
    for row in _rows(data, origin):
        try:
            decisions.append(_decision(row))
        except ValueError as error:
            problems.append(f"{origin}, line {row.number}: {_sentence(error)}.")
    if problems:
        more = len(problems) - _MAX_PROBLEMS
        shown = [*problems[:_MAX_PROBLEMS], *([f"… and {more} more rows."] if more > 0 else [])]
        raise InputError("\n".join([*shown, "Nothing was imported."]))
    return decisions


def _rows(data: bytes, origin: str) -> list[_Row]:
    try:
        # Spreadsheets write a byte order mark, which would belong to the first column's name.
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        names = list(reader.fieldnames or ())
        rows = [_Row(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{origin} is no CSV file in UTF-8: {error}.") from error
    missing = [name for name in COLUMNS if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if missing or unknown or len(names) != len(COLUMNS):
        raise InputError(
            f"{origin} has the columns {', '.join(names) or 'none'}; expected "
            f"{', '.join(COLUMNS)}, as `matteflow decisions export` writes them."
        )
    return rows


def _cells(decision: Decision) -> dict[str, str]:
    values = decision.model_dump(mode="json")
    place = values.pop("place") or {}
    cells = {name: _cell(value) for name, value in (values | place).items() if name not in _LISTS}
    for name in _LISTS:
        cells[name] = ";".join(values[name] or ())
    if decision.scenes == ():
        cells["scenes"] = _NO_SCENES
    for name in _TEXTS:
        cells[name] = f"'{cells[name]}" if _FORMULA.match(cells[name]) else cells[name]
    return cells | {"id": decision.id}


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(repr, value))
    return "" if value is None else str(value)


def _decision(row: _Row) -> Decision:
    cells = row.cells
    # DictReader puts surplus cells under the key None, and None into missing ones.
    if None in cells or None in cells.values():
        raise ValueError(f"expected {len(COLUMNS)} cells")
    values: dict[str, Any] = {name: cell for name, cell in cells.items() if cell != ""}
    for name in _TEXTS:
        if str(values.get(name, "")).startswith("'"):
            values[name] = values[name][1:]
    for name in _LISTS:
        if name in values:
            values[name] = tuple(part for part in values[name].split(";") if part != _NO_SCENES)
    place = {name: values.pop(name) for name in _PLACE if name in values}
    for name, number in _NUMBERS.items():
        if name in place:
            place[name] = tuple(map(number, place[name].split()))
    stated = values.pop("id", "")
    decision = Decision.model_validate(values | ({"place": place} if place else {}))
    # Without an id the row was written by hand.
    if stated and decision.id != stated:
        raise ValueError(
            "the row was changed after it was exported, since its id is that of other values; "
            "leave the cell id empty to make it a decision of its own"
        )
    return decision


def _sentence(error: ValueError) -> str:
    """Return what is wrong with a row, without the names that pydantic gives."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, detail['loc'])) or 'row'}: "
        f"{str(detail['msg']).removeprefix('Value error, ')}"
        for detail in error.errors()
    )
