"""Decisions as CSV: nothing is lost on the way, and nothing wrong comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import InputError
from tasks.common.schema.decisions import Decision, undo
from tasks.review.decision_csv import COLUMNS, decode_decisions, encode_decisions
from tests.common.deciding import NOW, PLACE, decision, decisions

LINE = decision("drop", reason='too "dark", =1+1', item="-x")


def test_no_decisions_are_a_header() -> None:
    assert encode_decisions([]) == ",".join(COLUMNS).encode() + b"\n"
    assert decode_decisions(encode_decisions([]), "x.csv") == []


@given(lines=st.lists(decisions(), max_size=5))
def test_what_is_written_is_read_again(lines: list[Decision]) -> None:
    lines = sorted([*lines, *(undo(line, "bob", NOW) for line in lines[:1])], key=lambda x: x.order)
    data = encode_decisions(lines)
    assert decode_decisions(data, "x.csv") == lines
    assert encode_decisions(decode_decisions(b"\xef\xbb\xbf" + data, "x.csv")) == data


def test_no_cell_is_a_formula_for_a_spreadsheet() -> None:
    text = encode_decisions([decision("keep", author="=cmd", item="+1", reason="@x")]).decode()
    assert ",'=cmd," in text
    assert ",'+1," in text
    assert ",'@x," in text


def test_a_row_that_was_written_by_hand_needs_no_id() -> None:
    data = encode_decisions([LINE]).replace(LINE.id.encode(), b"")
    assert decode_decisions(data, "x.csv") == [LINE]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param((b"drop", b"keep"), "changed after it was exported", id="another action"),
        pytest.param((b"drop", b"delete"), "action: Input should be 'keep'", id="no action"),
        pytest.param((b'"too ""dark"", =1+1"', b""), "a drop needs a reason", id="no reason"),
        pytest.param((b"10.0 10.0", b"10.0 x"), "could not convert", id="no number"),
        pytest.param((b"100 80", b"100"), "frame_size_wh", id="no size"),
        pytest.param((b"1.5,", b""), "expected 18 cells", id="a cell less"),
        pytest.param((b"1.5,", b"1.5,,"), "expected 18 cells", id="a cell more"),
    ],
)
def test_a_bad_row_is_a_sentence_and_nothing_is_taken(
    change: tuple[bytes, bytes], message: str
) -> None:
    data = encode_decisions([decision("keep", -1), LINE])
    assert data.count(change[0]) >= 1
    head, body = data.rsplit(LINE.id.encode(), 1)
    damaged = head + LINE.id.encode() + body.replace(*change)
    with pytest.raises(InputError, match="Nothing was imported") as caught:
        decode_decisions(damaged, "x.csv")
    assert "x.csv, line 3: " in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "the columns none", id="nothing"),
        pytest.param(b"id,at\n", "expected id, at, author", id="other columns"),
        pytest.param(b"\xff\xfe", "no CSV file in UTF-8", id="another encoding"),
    ],
)
def test_another_file_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode_decisions(data, "x.csv")


def test_many_bad_rows_are_counted() -> None:
    data = encode_decisions([decision("keep", n) for n in range(30)]).replace(b",keep,", b",no,")
    with pytest.raises(InputError, match="and 10 more rows"):
        decode_decisions(data, "x.csv")


def test_every_place_of_a_person_is_in_the_columns() -> None:
    assert set(type(PLACE).model_fields) <= set(COLUMNS)
    assert set(Decision.model_fields) - {"place"} <= set(COLUMNS)
