"""CSV that people open in spreadsheets: strangers' texts are never formulas."""

from collections.abc import Callable

import pandas as pd

from tasks.common.printable import as_cell, from_cell


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Encode with a header, LF and UTF-8; texts that spreadsheets would run get a quote before."""
    return bytes(_each_text(table, as_cell).to_csv(index=False, lineterminator="\n").encode())


def from_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the texts of a table as they were before `csv_bytes`."""
    return _each_text(table, from_cell)


def _each_text(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    changed = table.copy()
    for name in table.columns:
        values = list(table[name])
        if any(isinstance(value, str) and change(value) != value for value in values):
            texts = [change(value) if isinstance(value, str) else value for value in values]
            changed[name] = pd.Series(texts, index=table.index, dtype="object")
    return changed
