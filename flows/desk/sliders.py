"""What other bounds would make of the desk's crops; the near pairs are searched once."""

from collections.abc import Mapping
from threading import Lock

from flows.desk.columns import CropColumns
from flows.engine.what_if import (
    Change,
    CropTable,
    Judged,
    judge_table,
    table_of_crops,
    what_would_change,
)
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.schema.rulings import Ruling


class Sliders:
    """Judges the crops of an index under other bounds; positions are the rows of the index."""

    def __init__(self, index: CropColumns):
        self._index = index
        self._lock = Lock()
        self._table: CropTable | None = None
        self._before: tuple[int, Judged] | None = None

    def change(self, bounds: RuleBounds, rulings: Mapping[str, Ruling], revision: int) -> Change:
        """Compare the bounds of the newest run with others, both under everybody's decisions."""
        # One at a time: while somebody drags, only the last answer counts anyway.
        with self._lock:
            own = self._index.records[0].recipe.filter
            table = self._table_for(own, bounds)
            if self._before is None or self._before[0] != revision:
                self._before = revision, judge_table(table, own, rulings)
            return what_would_change(self._before[1], judge_table(table, bounds, rulings))

    def _table_for(self, *every: RuleBounds) -> CropTable:
        """Return the table, with near pairs as far apart as these bounds ask for."""
        widest = max(
            bounds.near_duplicate.kept_from if bounds.near_duplicate else 0 for bounds in every
        )
        if self._table is None or widest > self._table.graph.radius + 1:
            tables, sources = [self._index.table], self._index.sources
            self._table = (
                table_of_crops(tables, sources)
                if self._table is None
                else table_of_crops(tables, sources, widest)
            )
            self._before = None
        return self._table
