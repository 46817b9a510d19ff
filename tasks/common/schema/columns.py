"""Convert dataclasses to the columns of a Parquet table, and rows back to dataclasses.

A field is one column of the same name: text, integers, floats, or JSON text for boxes and lists.
Three kinds of fields are several columns:

- a dataclass adds its own columns;
- a dataclass annotated with a `Prefix` adds them with the prefix; for None all are missing;
- `measures`, the values by rule name, adds a column per rule.

A column marked as `SPARSE` is left out of a table in which it would be empty. So a property of few
sources can be added without another byte in the tables, and another digest, of all others.

JSON text rather than Parquet lists: pandas would read lists back as numpy arrays, which neither
compare nor hash as values.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import pandas as pd
import pyarrow as pa

from tasks.common.schema.boxes import Box
from tasks.common.schema.rule_names import MEASURED_RULES

R = TypeVar("R")
Measures = Mapping[str, float | None]
"""What each rule measured, by its name; None where it could not be measured."""

_PLAIN: dict[Any, str] = {str: "string", int: "Int64", float: "Float64"}
# Built once per dataclass: resolving type hints costs more than converting a row.
_codecs: dict[Any, "dict[str, _Column]"] = {}


@dataclass(frozen=True)
class Prefix:
    """Marks a field that repeats another table's row under `<prefix>.<column>`; it may be None."""

    name: str


class _Sparse:
    """The type of `SPARSE`."""


SPARSE = _Sparse()
"""Marks a field whose columns a table lacks if no row has a value; absent means None."""


@dataclass(frozen=True)
class _Column:
    """The columns of one field, and how its value is converted to them and back."""

    names: dict[str, str]  # pandas types by name
    encode: Callable[[Any], dict[str, Any]]
    decode: Callable[[Mapping[str, Any]], Any]
    sparse: frozenset[str] = frozenset()


def columns_of(kind: type[Any]) -> dict[str, str]:
    """Return the columns of a row's dataclass, in order, with their pandas types."""
    return {name: dtype for column in _codec(kind).values() for name, dtype in column.names.items()}


def sparse_columns_of(kind: type[Any]) -> frozenset[str]:
    """Return the columns of a row's dataclass that a table lacks where they would be empty."""
    return frozenset().union(*(column.sparse for column in _codec(kind).values()))


def filled_columns(kind: type[Any], rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the columns of a table of these plain rows: all but empty sparse ones."""
    empty = set(sparse_columns_of(kind))
    for row in rows:
        empty -= {name for name in empty if row.get(name) is not None}
    return {name: dtype for name, dtype in columns_of(kind).items() if name not in empty}


def encode_row(row: Any) -> dict[str, Any]:
    """Return a row as plain values by column."""
    values: dict[str, Any] = {}
    for name, column in _codec(type(row)).items():
        values |= column.encode(getattr(row, name))
    return values


def decode_row(kind: type[R], values: Mapping[str, Any]) -> R:
    """Return a row from plain values by column; None stands for a missing value."""
    return kind(**{name: column.decode(values) for name, column in _codec(kind).items()})


def to_table(kind: type[R], rows: Iterable[R]) -> pa.Table:
    """Return rows as a table with the columns of their dataclass, all but empty sparse ones."""
    encoded = [encode_row(row) for row in rows]
    return table_of(encoded, filled_columns(kind, encoded))


def table_of(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> pa.Table:
    """Return plain rows as a table with exactly `columns`; an absent value is a missing one."""
    schema = _schema(tuple(columns.items()))
    # `from_pandas` makes NaN a missing value, too: JSON, and so a digest of values, has no NaN.
    arrays = [
        pa.array([row.get(field.name) for row in rows], field.type, from_pandas=True)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def from_table(kind: type[R], table: pa.Table) -> list[R]:
    """Return the rows of a table; columns that the dataclass does not have are ignored.

    Raises:
        ValueError: the table lacks columns, as those of older versions may.
    """
    names = list(columns_of(kind))
    sparse = sparse_columns_of(kind)
    missing = sorted(set(names) - sparse - set(table.column_names))
    if missing:
        raise ValueError(f"the table lacks the columns {', '.join(missing)}")
    present = [name for name in names if name in table.column_names]
    absent = dict.fromkeys(sparse)
    return [decode_row(kind, absent | values) for values in table.select(present).to_pylist()]


@cache
def _schema(columns: tuple[tuple[str, str], ...]) -> pa.Schema:
    """Return the Arrow types of pandas types, with pandas' own metadata.

    With it `pandas.read_parquet` restores the nullable types; numpy's own would turn a column of
    integers with a missing one into floats.
    """
    empty = pd.DataFrame({name: pd.Series([], dtype=dtype) for name, dtype in columns})
    return pa.Schema.from_pandas(empty, preserve_index=False)


def to_frame(kind: type[R], rows: Iterable[R]) -> pd.DataFrame:
    """Return rows as a pandas frame, for tables that people read."""
    frame: pd.DataFrame = to_table(kind, rows).to_pandas()
    return frame


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as plain Python values; None stands for a missing value.

    Not pandas' own NA, which has no truth value and cannot be written as JSON.
    """
    columns = {
        name: [None if pd.isna(value) else value for value in frame[name].tolist()]
        for name in map(str, frame.columns)
    }
    n_rows = len(frame)
    return [{name: values[row] for name, values in columns.items()} for row in range(n_rows)]


def _codec(kind: type[Any]) -> dict[str, _Column]:
    if kind not in _codecs:
        hints = get_type_hints(kind, include_extras=True)
        _codecs[kind] = {
            entry.name: _column(entry.name, hints[entry.name]) for entry in fields(kind)
        }
    return _codecs[kind]


def _column(name: str, hint: Any) -> _Column:
    # First: it is a mapping, which no other branch takes.
    if hint == Measures:
        return _measures()
    if get_origin(hint) is Annotated:
        return _annotated(name, *get_args(hint))
    base = _without_none(hint)
    # A box is one column of JSON, since its four numbers are of use only together.
    if is_dataclass(base) and base is not Box:
        return _nested(base, None)
    if base in _PLAIN or get_origin(base) is Literal:
        dtype = _PLAIN.get(base, "string")
        return _Column({name: dtype}, lambda value: {name: value}, lambda values: values[name])
    load, dump = _json_codec(base)
    return _Column(
        {name: "string"},
        lambda value: {
            name: None if value is None else json.dumps(dump(value), ensure_ascii=False)
        },
        lambda values: None if values[name] is None else load(json.loads(values[name])),
    )


def _annotated(name: str, inner: Any, *marks: Any) -> _Column:
    """Return the columns of a field with marks: a `Prefix`, `SPARSE`, or both."""
    prefix = next((mark.name for mark in marks if isinstance(mark, Prefix)), None)
    column = _column(name, inner) if prefix is None else _nested(_without_none(inner), prefix)
    return replace(column, sparse=frozenset(column.names)) if SPARSE in marks else column


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in (Union, UnionType):
        return hint
    (base,) = (part for part in get_args(hint) if part is not NoneType)
    return base


def _measures() -> _Column:
    return _Column(
        dict.fromkeys(MEASURED_RULES, "Float64"),
        lambda measures: {name: measures.get(name) for name in MEASURED_RULES},
        lambda values: {name: values[name] for name in MEASURED_RULES},
    )


def _nested(kind: Any, prefix: str | None) -> _Column:
    """Return the columns of a dataclass within another one.

    A nested row is None if its first column, which is its id, is missing.
    """
    start = "" if prefix is None else f"{prefix}."
    own = columns_of(kind)
    first = start + next(iter(own))

    def encode(value: Any) -> dict[str, Any]:
        encoded = dict.fromkeys(own) if value is None else encode_row(value)
        return {start + name: plain for name, plain in encoded.items()}

    def decode(values: Mapping[str, Any]) -> Any:
        if prefix is not None and values[first] is None:
            return None
        return decode_row(kind, {name: values[start + name] for name in own})

    return _Column(
        {start + name: dtype for name, dtype in own.items()},
        encode,
        decode,
        frozenset(start + name for name in sparse_columns_of(kind)),
    )


def _json_codec(hint: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Return two functions: from decoded JSON to a value of this type, and back."""
    if hint is Box:
        return Box.of, lambda box: list(box.xyxy)
    if get_origin(hint) is tuple:
        first, *rest = get_args(hint)
        if rest == [...]:
            load, dump = _json_codec(first)
            return lambda items: tuple(map(load, items)), lambda items: list(map(dump, items))
        return tuple, list
    if hint in (str, int, float):
        return _as_is, _as_is
    raise TypeError(f"no column can hold {hint}")


def _as_is(value: Any) -> Any:
    return value
