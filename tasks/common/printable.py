"""Texts of strangers on a terminal, and in the cells of spreadsheets, as nothing but text."""

import re

# Controls (C0 without tab and line feed, DEL, C1), and what reverses the direction of text: a
# terminal obeys the former, and people read something else than is there by the latter.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_REPLACEMENT = "\ufffd"
# What spreadsheets take for the start of a formula (OWASP, "CSV Injection"), full-width ones too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_TEXT_MARK = "'"


def printable(text: str) -> str:
    """Return a text that a terminal shows and does not obey.

    Bytes of file names that are not UTF-8 become escapes, control characters a replacement sign.
    """
    encodable = text.encode("utf-8", "backslashreplace").decode()
    return _OBEYED.sub(_REPLACEMENT, encodable)


def as_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs: with a quote before it, where it would.

    `from_cell` returns every text exactly: one that looks like a cell already gets another quote.
    """
    return f"{_TEXT_MARK}{text}" if _is_marked(text) else text


def from_cell(cell: str) -> str:
    """Return the text of a cell that `as_cell` made."""
    text = cell.removeprefix(_TEXT_MARK)
    return text if text != cell and _is_marked(text) else cell


def _is_marked(text: str) -> bool:
    return text.lstrip(_TEXT_MARK).startswith(_FORMULA)
