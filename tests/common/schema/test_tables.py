"""Item tables: declared columns, missing values, digests of values."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.files import write_file
from tasks.common.records import Drop, SourceDrop
from tasks.common.schema.columns import columns_of, table_of
from tasks.common.schema.rows import Crop, Frame, JudgedCrop, Matte, MediaRow
from tasks.common.schema.tables import (
    digest_table,
    drop_columns,
    drops_table,
    encode_table,
    plain_rows,
    read_table,
)

Columns = Mapping[str, str]
FRAMES = columns_of(Frame)
ALL = [
    pytest.param(columns, id=name)
    for name, columns in {
        "drops": drop_columns(Drop),
        "media": columns_of(MediaRow),
        "frames": FRAMES,
        "crops": columns_of(Crop),
        "mattes": columns_of(Matte),
        "verdicts": columns_of(JudgedCrop),
    }.items()
]
_PLAIN_VALUES = {"string": "街", "Float64": 0.5, "Int64": 7}
_VALUES = {
    "string": st.text(st.characters(codec="utf-8"), max_size=12),
    "Float64": st.floats(allow_nan=False, allow_infinity=False),
    "Int64": st.integers(-(2**53), 2**53),
}


def _rows(columns: Columns) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = {name: st.none() | _VALUES[kind] for name, kind in columns.items()}
    return st.lists(st.fixed_dictionaries(row), max_size=4)


def _frame(rows: Sequence[Mapping[str, Any]], columns: Columns) -> pd.DataFrame:
    """Return any rows as pandas holds them, with any of their values missing."""
    return pd.DataFrame(list(rows), columns=list(columns)).astype(dict(columns))


def _dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(kind) for name, kind in frame.dtypes.items()}


@pytest.mark.parametrize("columns", ALL)
def test_an_empty_table_has_the_declared_columns_and_types(columns: Columns) -> None:
    assert _dtypes(table_of([], columns).to_pandas()) == dict(columns)


@pytest.mark.parametrize("columns", ALL)
def test_pandas_reads_an_empty_table_with_its_types(columns: Columns, tmp_path: Path) -> None:
    write_file(tmp_path / "table.parquet", encode_table(table_of([], columns)))
    assert _dtypes(pd.read_parquet(tmp_path / "table.parquet")) == dict(columns)


def test_the_columns_of_drops_are_these() -> None:
    columns = {
        "item": "string",
        "stage": "string",
        "reason": "string",
        "value": "Float64",
        "bound": "Float64",
        "sentence": "string",
    }
    assert drop_columns(Drop) == columns
    assert drop_columns(SourceDrop) == columns | {"source_id": "string"}
    assert list(drop_columns(SourceDrop)) == [*columns, "source_id"]


DROP = Drop(item="a", stage="sample", reason="still", sentence="It is still.")


def test_no_drops_are_a_table_with_all_columns() -> None:
    table = drops_table([])
    assert _dtypes(table.to_pandas()) == drop_columns(Drop)


def test_an_absent_value_is_a_missing_one() -> None:
    (row,) = drops_table([DROP]).to_pylist()
    assert row == DROP.model_dump()
    assert (row["value"], row["bound"]) == (None, None)


def test_a_number_that_is_none_is_a_missing_one() -> None:
    (row,) = drops_table([DROP.model_copy(update={"value": math.nan})]).to_pylist()
    assert row["value"] is None


def test_drops_of_several_sources_name_them() -> None:
    with_source = SourceDrop(source_id="street", **DROP.model_dump())
    rows = drops_table([with_source, DROP]).to_pylist()
    assert [row["source_id"] for row in rows] == ["street", None]


@pytest.mark.parametrize("columns", ALL)
def test_a_table_comes_back_from_the_disk_as_it_was(
    columns: Columns, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("tables") / "table.parquet"

    @settings(max_examples=15, deadline=None)
    @given(_rows(columns))
    def holds(rows: list[dict[str, Any]]) -> None:
        table = table_of(rows, columns)
        write_file(path, encode_table(table))
        back = read_table(path)
        assert back.to_pylist() == plain_rows(pd.read_parquet(path)) == rows
        assert digest_table(back) == digest_table(table)

    holds()


@settings(max_examples=40, deadline=None)
@given(_rows(FRAMES), _rows(FRAMES))
def test_tables_have_one_digest_exactly_if_they_have_the_same_rows(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    same_digest = digest_table(table_of(one, FRAMES)) == digest_table(table_of(other, FRAMES))
    assert same_digest == (one == other and repr(one) == repr(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param([{"time_s": 0.0}], [{"time_s": None}], id="zero and missing"),
        pytest.param([{"frame_id": ""}], [{"frame_id": None}], id="empty and missing"),
        pytest.param([{"time_s": 0.1}], [{"time_s": 0.1 + 2e-17}], id="next float"),
        pytest.param(
            [{"frame_id": "a"}, {"frame_id": "b"}],
            [{"frame_id": "b"}, {"frame_id": "a"}],
            id="order of rows",
        ),
        pytest.param([{"path": "a"}], [{"digest": "a"}], id="column"),
        pytest.param([{}], [], id="row of nothing"),
    ],
)
def test_a_small_difference_gives_another_digest(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    assert digest_table(table_of(one, FRAMES)) != digest_table(table_of(other, FRAMES))


def test_the_digest_does_not_depend_on_the_order_of_columns() -> None:
    table = table_of([{"frame_id": "a", "time_s": 1.5}], FRAMES)
    assert digest_table(table.select(sorted(table.column_names))) == digest_table(table)


@pytest.mark.parametrize("columns", ALL)
def test_a_table_has_the_bytes_that_pandas_would_write(columns: Columns) -> None:
    rows = [{}, {name: _PLAIN_VALUES[kind] for name, kind in columns.items()}]
    assert encode_table(table_of(rows, columns)) == encode_table(_frame(rows, columns))
