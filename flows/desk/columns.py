"""The crops of runs as columns: what filters, sorting and groups read, without a row object.

A hundred thousand rows as dataclasses take seconds to build and gigabytes to hold. The columns that
views ask for are numpy arrays; a row becomes a dataclass when its tile or page is shown.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from flows.engine.run_record import RunRecord
from tasks.common.records import Source, Verdict
from tasks.common.schema.columns import from_table
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rule_names import RULE_NAMES

VERDICTS: tuple[Verdict, ...] = ("keep", "review", "drop")
_RULE_VERDICT = "verdict.decided.rule_verdict"
Codes = NDArray[np.int32]
Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Named(NamedTuple):
    """A column of names: `codes` int32 (N,) are positions in `names`, -1 where there is none."""

    codes: Codes
    names: list[str]

    def matches(self, wanted: Iterable[str]) -> Flags:
        """Say of each row whether its name is one of these."""
        chosen = set(wanted)
        is_chosen = np.array([name in chosen for name in self.names] + [False])
        flags: Flags = is_chosen[self.codes]
        return flags

    def name(self, row: int) -> str:
        """Return the name of a row, empty where there is none."""
        code = int(self.codes[row])
        return self.names[code] if code >= 0 else ""


@dataclass(frozen=True)
class Runs:
    """The runs that a desk shows, newest first, and the table of each."""

    records: tuple[RunRecord, ...]
    tables: tuple[pa.Table, ...]


class CropColumns:
    """The crops of some runs in the order of their sources; N is their number.

    A crop that several runs have is shown as the newest of them has it.
    """

    def __init__(self, runs: Runs):
        self.records = runs.records
        self.table, self.run_of = _joined(runs.tables)
        self.crop_ids: list[str] = self.table["crop.crop_id"].to_pylist()
        self.source = named(self.table["source_id"])
        self.media = named(self.table["crop.media_id"])
        self.reason = named(self.table["verdict.reason"])
        self.channel = named(self.table["matte.channel"])
        self.verdict = self._rule_verdicts()
        self.time_s = _floats(self.table["crop.time_s"])
        self.has_mask: Flags = ~np.asarray(self.table["matte.crop_id"].is_null())

    def __len__(self) -> int:
        return len(self.crop_ids)

    def _rule_verdicts(self) -> NDArray[np.int8]:
        """Return what the rules say: decisions of people are read anew, and may be taken back."""
        codes = _verdict_codes(self.table["verdict.verdict"])
        if _RULE_VERDICT not in self.table.column_names:
            return codes
        by_rules = _verdict_codes(self.table[_RULE_VERDICT])
        return np.where(by_rules >= 0, by_rules, codes)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each crop by its id."""
        return {crop_id: row for row, crop_id in enumerate(self.crop_ids)}

    @cached_property
    def failed(self) -> Named:
        """The rules that each crop fails, as the JSON text of the list."""
        return named(self.table["verdict.failed_rules"])

    def fails(self, rule: str) -> Flags:
        """Say of each row whether it fails a rule."""
        lists = [json.loads(text) for text in self.failed.names]
        is_failing = np.array([rule in rules for rules in lists] + [False])
        flags: Flags = is_failing[self.failed.codes]
        return flags

    @cached_property
    def failing_rules(self) -> list[str]:
        """The rules and other reasons that some crop fails, rules in their order."""
        names = {rule for text in self.failed.names for rule in json.loads(text)}
        order = {name: place for place, name in enumerate(RULE_NAMES)}
        return sorted(names, key=lambda name: (order.get(name, len(order)), name))

    def measure(self, rule: str) -> NDArray[np.float64]:
        """Return what a rule measured, float64 (N,); NaN where it could not be measured."""
        return _floats(self.table[f"verdict.{rule}"])

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The sources of all runs by id, as the newest run has them."""
        found: dict[str, Source] = {}
        for record in reversed(self.records):
            found |= record.sources_by_id
        return found

    def by_source(self, values: Mapping[str, str | None]) -> Named:
        """Return a property of sources as a column of the crops."""
        names = sorted({value for value in values.values() if value})
        place = {name: number for number, name in enumerate(names)}
        of_source = [place.get(values.get(name) or "", -1) for name in self.source.names]
        return Named(np.array([*of_source, -1], np.int32)[self.source.codes], names)

    @cached_property
    def uploader(self) -> Named:
        """Who shared the source of each crop."""
        return self.by_source({name: source.uploader for name, source in self.sources.items()})

    def crops(self, rows: Sequence[int] | Rows) -> list[RunCrop]:
        """Return some rows as dataclasses, in the given order."""
        return from_table(RunCrop, self.table.take(pa.array(rows, pa.int64())))

    def record_of(self, row: int) -> RunRecord:
        """Return the run that a row is shown from."""
        return self.records[int(self.run_of[row])]


def named(column: pa.ChunkedArray) -> Named:
    """Return a column of text as codes and names."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Named(codes, encoded.dictionary.to_pylist())


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.to_numpy().astype(np.float64)
    return values


def _verdict_codes(column: pa.ChunkedArray) -> NDArray[np.int8]:
    found = named(column)
    place = [VERDICTS.index(name) for name in found.names]
    return np.array([*place, -1], np.int8)[found.codes]


def _joined(tables: Sequence[pa.Table]) -> tuple[pa.Table, NDArray[np.int16]]:
    """Return the tables of runs, newest first, as one without repeated crops."""
    run_of = np.repeat(np.arange(len(tables), dtype=np.int16), [len(table) for table in tables])
    if len(tables) == 1:
        return tables[0], run_of
    # Tables lack sparse columns that would be empty.
    table = pa.concat_tables(tables, promote_options="default")
    codes = named(table["crop.crop_id"]).codes
    _, first = np.unique(codes, return_index=True)
    rows = np.sort(first)
    return table.take(pa.array(rows)), run_of[rows]
