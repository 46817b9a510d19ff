"""Texts of strangers: a terminal does not obey them, a spreadsheet does not run them."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.cli.console import _TextConsole
from tasks.common.printable import as_cell, from_cell, printable
from tasks.common.schema.csv_text import csv_bytes, from_cells

CLEAR_SCREEN, TITLE, CLIPBOARD = "\x1b[2J", "\x1b]0;owned\x07", "\x1b]52;c;b3duZWQ=\x07"
HOSTILE = [CLEAR_SCREEN, TITLE, CLIPBOARD, "\x9b2J", "a\rb", "a\bb", "ann\u202etxt.exe"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_gets_no_control_character(text: str) -> None:
    shown = printable(f"by {text} ann")
    assert shown.startswith("by ")
    assert shown.endswith(" ann")
    assert not any(character in shown for character in "\x1b\x07\x08\r\x9b\u202e")


@pytest.mark.parametrize("text", ["größer", "两个人", "a\tb\nc", "emoji 👩‍👧", "ok 5 %"])
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "pipe"])
def test_no_way_of_printing_lets_it_through(text: str, is_terminal: bool) -> None:
    from rich.table import Table

    stream = io.StringIO()
    console = _TextConsole(markup=False, file=stream, force_terminal=is_terminal, width=200)
    table = Table(title=f"run of {text}", caption=text)
    table.add_column(f"uploader {text}")
    table.add_row(text)
    console.print(table)
    console.print(text, style="red", soft_wrap=True)
    console.print(f"a: {text}", highlight=False)
    printed = stream.getvalue()
    for own in ("\x1b[31m", "\x1b[1m", "\x1b[2m", "\x1b[3m", "\x1b[0m", "\x1b[1;"):
        printed = printed.replace(own, "")
    assert not any(each in printed for each in (CLEAR_SCREEN, "\x1b]", "\x07", "\x9b", "\u202e"))
    assert "\r" not in printed


FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\uff1d1",
    "''=1",
    "'=1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_a_text(text: str) -> None:
    assert as_cell(text) == f"'{text}"
    assert from_cell(as_cell(text)) == text


@pytest.mark.parametrize("text", ["", "ann", "'", "'s-Gravenhage", "a=b", "3-5", "''"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert as_cell(text) == text == from_cell(text)


@given(st.text(alphabet="'=+-@\tab\n", max_size=6))
def test_every_text_comes_back_exactly(text: str) -> None:
    assert from_cell(as_cell(text)) == text
    assert not as_cell(text).startswith(("=", "+", "-", "@", "\t", "\n"))


@given(st.lists(st.text(alphabet="'=+-@ab", max_size=5), max_size=5))
def test_a_table_comes_back_exactly_and_numbers_are_numbers(texts: list[str]) -> None:
    table = pd.DataFrame({"name": pd.array(texts, dtype="string"), "value": [-0.5] * len(texts)})
    data = csv_bytes(table)
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [row["value"] for row in rows] == ["-0.5"] * len(texts)
    read = pd.read_csv(io.BytesIO(data), dtype="string", keep_default_na=False)
    assert list(from_cells(read)["name"]) == texts
