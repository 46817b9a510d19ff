"""Which crops a view shows, in which order, and in which groups."""

from typing import NamedTuple

import numpy as np

from flows.desk.columns import VERDICTS, CropColumns, Flags, Named, Rows
from flows.desk.decided import Decided
from flows.desk.view import View

SHOWN = 4
"""How many crops of a group that looks alike a page shows; `FEW` in gallery.js."""


class Selection(NamedTuple):
    """The rows of a view in order, int64 (M,), and where its groups begin.

    Group g is `rows[starts[g]:starts[g + 1]]`, called `labels[g]`. Without grouping there is one.
    """

    rows: Rows
    starts: Rows
    labels: list[str]


class Facts(NamedTuple):
    """Columns that do not stand in the crops: scenes by name, splits, groups by the view's word."""

    scenes: dict[str, Flags]
    split: Named
    groups: dict[str, Named]


def select(index: CropColumns, decided: Decided, facts: Facts, view: View) -> Selection:
    """Return the crops of a view."""
    chosen = np.flatnonzero(_wanted(index, decided, facts, view))
    ordered = _sorted(chosen, index, decided, view)
    if not view.group:
        return Selection(ordered, np.array([0, len(ordered)]), [""])
    is_alike = view.group in ("track", "similar")
    return _grouped(ordered, facts.groups[view.group], largest_first=is_alike)


def _wanted(index: CropColumns, decided: Decided, facts: Facts, view: View) -> Flags:
    wanted: Flags = np.ones(len(index), bool)
    if view.verdict:
        codes = [VERDICTS.index(name) for name in VERDICTS if name in view.verdict]
        wanted &= np.isin(decided.final, codes)
    if view.opinion:
        wanted &= decided.flags(view.opinion)
    if view.rule:
        wanted &= index.fails(view.rule)
    for column, name in (
        (index.source, view.source),
        (index.uploader, view.uploader),
        (index.channel, view.channel),
        (facts.split, view.split),
    ):
        if name:
            wanted &= column.matches([name])
    if view.scene:
        wanted &= facts.scenes.get(view.scene, np.zeros(len(index), bool))
    if view.trust_min is not None or view.trust_max is not None:
        trust = index.measure("trust")
        # A missing value is in no range: NaN compares as false.
        low = 0.0 if view.trust_min is None else view.trust_min
        wanted &= (trust >= low) & (trust <= (1.0 if view.trust_max is None else view.trust_max))
    if view.find:
        wanted &= _found(index, view.find)
    return wanted


def _found(index: CropColumns, text: str) -> Flags:
    """Say of each row whether its crop or source is called like a text, in part."""
    wanted = text.casefold()
    in_source = [name for name in index.source.names if wanted in name.casefold()]
    flags = index.source.matches(in_source)
    flags |= np.array([wanted in crop_id for crop_id in index.crop_ids], bool)
    return flags


def _sorted(rows: Rows, index: CropColumns, decided: Decided, view: View) -> Rows:
    if not view.sort:
        return rows[::-1] if view.desc else rows
    values = (
        index.time_s
        if view.sort == "time"
        else decided.order
        if view.sort == "decided"
        else index.measure(view.sort)
    )[rows]
    # Missing values last in both directions; equal ones in the order of the run.
    keyed = -values if view.desc else values
    return rows[np.argsort(keyed, kind="stable")]


def _grouped(rows: Rows, column: Named, *, largest_first: bool) -> Selection:
    """Bring the rows of a group together.

    Groups come in the order of their first rows or, of crops that look alike, the largest first:
    one answer then serves most. Crops that are like no other are one group without a label.
    """
    codes = column.codes[rows].astype(np.int64)
    # A row of no group is one by itself.
    codes = np.where(codes >= 0, codes, len(column.names) + np.arange(len(rows)))
    _, first, inverse, counts = np.unique(
        codes, return_index=True, return_inverse=True, return_counts=True
    )
    by_place = np.lexsort([first, -counts]) if largest_first else np.argsort(first)
    place = np.empty_like(by_place)
    place[by_place] = np.arange(len(by_place))
    ordered = rows[np.argsort(place[inverse], kind="stable")]
    sizes = counts[by_place]
    n_several = int((sizes > 1).sum()) if largest_first else len(sizes)
    labels = [column.name(int(rows[first[group]])) for group in by_place[:n_several]]
    ends = np.cumsum(sizes[:n_several])
    if largest_first:
        _spread(ordered, ends)
    if n_several < len(sizes):
        labels, ends = [*labels, ""], np.append(ends, len(rows))
    return Selection(ordered, np.concatenate([[0], ends]).astype(np.int64), labels)


def _spread(rows: Rows, ends: Rows) -> None:
    """Bring rows from all over each group to its front, in place: pages show only a few of it."""
    start = 0
    for end in ends.tolist():
        n = end - start
        if n > SHOWN:
            own = rows[start:end].copy()
            front = np.linspace(0, n - 1, SHOWN).round().astype(np.int64)
            rows[start:end] = np.concatenate([own[front], np.delete(own, front)])
        start = end
