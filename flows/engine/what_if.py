"""What other bounds and decisions would make of finished runs: fast enough for a slider."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from flows.engine.run_record import RunRecord
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Source
from tasks.common.schema.channels import is_disputed, is_human
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.schema.rulings import Ruling
from tasks.common.similarity.near_graph import NearGraph
from tasks.common.similarity.picture_hash import CUT_DECIMALS, as_hashes
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.task import reuse_or_deduplicate, settle_columns
from tasks.filter.task import DROP, REASONS, MeasureColumns, RulingColumns

VERDICTS = ("keep", "review", "drop", "to be matted")
"""The verdicts by code; the last: these bounds or decisions want a mask that was never made."""
_UNMATTED = np.uint8(3)
# Shipped recipes have up to 7 bits; a wider bound searches the pairs once more.
_RADIUS = 7


@dataclass(frozen=True)
class CropTable:
    """The crops of runs as columns; everything else is by position in `stems`."""

    stems: tuple[str, ...]
    positions: Mapping[str, int]
    measures: MeasureColumns
    graph: NearGraph  # of all near pairs, also across sources


class Judged(NamedTuple):
    """The verdicts on all crops of a table: codes of `VERDICTS` and of `REASONS`."""

    verdicts: NDArray[np.uint8]
    reasons: NDArray[np.uint8]

    def counts(self) -> dict[str, int]:
        """Return how many crops have each verdict."""
        found = np.bincount(self.verdicts, minlength=len(VERDICTS)).tolist()
        return dict(zip(VERDICTS, found, strict=True))

    def reason_of(self, position: int) -> str:
        """Return the reason of one crop's verdict; empty for one that is kept."""
        return str(REASONS[self.reasons[position]])


class Change(NamedTuple):
    """What differs: crops by verdict before and after, and the positions of those that move.

    `entering` would be kept now, `leaving` were; `moves` counts pairs of verdicts.
    """

    before: dict[str, int]
    after: dict[str, int]
    entering: NDArray[np.int64]
    leaving: NDArray[np.int64]
    moves: dict[tuple[str, str], int]


def load_table(
    records: Sequence[RunRecord], workspace: Workspace, radius: int = _RADIUS
) -> CropTable:
    """Read the stored measures of finished runs; of a crop in several runs the newest counts.

    Raises:
        ArtifactError: a table is missing, damaged or from another version.
    """
    tables: list[pa.Table] = []
    sources: dict[str, Source] = {}
    for record in sorted(records, key=lambda record: record.run_id, reverse=True):
        crops = reuse_or_deduplicate(record.outcomes, record.recipe.filter, workspace)
        tables.append(workspace.item_table(crops))
        sources = record.sources_by_id | sources
    return table_of_crops(tables, sources, radius)


def table_of_crops(
    tables: Sequence[pa.Table], sources: Mapping[str, Source], radius: int = _RADIUS
) -> CropTable:
    """Return the columns of tables of run crops, the first of which counts where two have a crop.

    Pairs that differ in at most `radius` bits are searched here, which takes seconds for many.
    """
    # Sparse columns are in some of the tables only, and none of them is needed here.
    table = pa.concat_tables([table.select(_COLUMNS) for table in tables])
    everything: list[str] = table["crop.crop_id"].to_pylist()
    positions: dict[str, int] = {}
    rows = [row for row, stem in enumerate(everything) if positions.setdefault(stem, row) == row]
    table = table.take(pa.array(rows, pa.int64()))
    stems = tuple(everything[row] for row in rows)
    columns = _Columns(table)
    graph = columns.near_pairs(radius)
    return CropTable(
        stems,
        {stem: position for position, stem in enumerate(stems)},
        columns.measures(stems, sources, graph),
        graph,
    )


_COLUMNS = [
    "source_id",
    "crop.crop_id",
    "matte.channel",
    "verdict.failed_rules",
    "verdict.hash",
    "verdict.mirror_hash",
    *(f"verdict.{rule}" for rule in MEASURED_RULES),
]


class _Columns:
    """The columns of an Arrow table of run crops as numpy has them."""

    def __init__(self, table: pa.Table):
        self._table = table

    def _texts(self, name: str) -> list[Any]:
        values: list[Any] = self._table[name].to_pylist()
        return values

    def _numbers(self, rule: str) -> NDArray[np.float64]:
        values: NDArray[np.float64] = self._table[f"verdict.{rule}"].to_numpy()
        return values.astype(np.float64)

    def near_pairs(self, radius: int) -> NearGraph:
        """Search all near pairs; crops without hashes are in none."""
        texts = [self._texts(f"verdict.{name}") for name in ("hash", "mirror_hash")]
        hashed = np.nonzero([None not in pair for pair in zip(*texts, strict=True)])[0]
        hashes, mirrors = (as_hashes([column[row] for row in hashed]) for column in texts)
        own = NearGraph.of(hashes, mirrors, radius)
        pairs = (hashed[own.queries], hashed[own.entries])
        return NearGraph(len(texts[0]), radius, *pairs, own.distances, own.is_mirrored)

    def measures(
        self, stems: Sequence[str], sources: Mapping[str, Source], graph: NearGraph
    ) -> MeasureColumns:
        """Return the measures with what else decides about a verdict."""
        names = self._texts("source_id")
        order = {name: position for position, name in enumerate(dict.fromkeys(names))}
        source_of = np.array([order[name] for name in names], np.int64)
        channels = self._texts("matte.channel")
        values = {rule: self._numbers(rule) for rule in MEASURED_RULES}
        return MeasureColumns(
            sources=[sources[name] for name in order],
            source_of=source_of,
            values=values,
            is_matted=~np.isnan(values["subject_share"]),
            is_empty=np.array(
                ['"mask_empty"' in failed for failed in self._texts("verdict.failed_rules")], bool
            ),
            is_human=np.array([is_human(channel) for channel in channels], bool),
            is_disputed=np.array([is_disputed(channel) for channel in channels], bool),
            has_hash=np.array([text is not None for text in self._texts("verdict.hash")], bool),
            quality=_quality(values, stems),
            graph=graph.only(source_of[graph.queries] == source_of[graph.entries]),
        )


def _quality(values: Mapping[str, NDArray[np.float64]], stems: Sequence[str]) -> NDArray[np.int64]:
    """Return the rank of each crop, best first, as `quality_key` orders them."""
    whole = np.nan_to_num(values["frame_cut"], nan=1.0).tolist()
    # By Python's own rounding: numpy's differs at the last digit now and then.
    cuts = np.array([round(cut, CUT_DECIMALS) for cut in whole], np.float64)
    dullness = -np.nan_to_num(values["sharpness"], nan=0.0)
    order = np.lexsort([np.array(stems), dullness, cuts])
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def judge_table(
    table: CropTable, bounds: RuleBounds, rulings: Mapping[str, Ruling] | None = None
) -> Judged:
    """Judge all crops of runs under bounds and decisions; `rulings` are by stem.

    The same verdicts and reasons as a publication by these bounds would give: no model runs.
    """
    limits = bounds.near_duplicate
    if limits is not None and limits.kept_from > table.graph.radius + 1:
        raise ValueError(f"the table was loaded for bounds of up to {table.graph.radius + 1} bits")
    measures = table.measures
    decided = RulingColumns.of(table.positions, rulings or {})
    own = measures.judge(bounds, decided)
    final, is_copy = settle_columns(
        own.codes,
        (own.codes != DROP) & measures.has_hash & ~own.unmatted,
        decided.are("keep") & ~decided.is_applied,
        measures.source_of,
        measures.quality,
        table.graph,
        limits,
    )
    reasons = np.where(is_copy, np.uint8(REASONS.index("near_duplicate")), own.reasons)
    return Judged(np.where(own.unmatted & (final != DROP), _UNMATTED, final), reasons)


def what_would_change(before: Judged, after: Judged) -> Change:
    """Compare two judgements of one table."""
    codes = before.verdicts.astype(np.int64) * len(VERDICTS) + after.verdicts
    has_moved = before.verdicts != after.verdicts
    moves = Counter(dict(enumerate(np.bincount(codes[has_moved]).tolist())))
    return Change(
        before.counts(),
        after.counts(),
        np.nonzero(has_moved & (after.verdicts == 0))[0],
        np.nonzero(has_moved & (before.verdicts == 0))[0],
        {
            (VERDICTS[code // len(VERDICTS)], VERDICTS[code % len(VERDICTS)]): n
            for code, n in moves.items()
            if n
        },
    )
