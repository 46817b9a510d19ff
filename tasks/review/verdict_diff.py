"""What other bounds would change: how many crops, by which rule, and which of them to look at."""

import json
from collections import Counter
from collections.abc import Container, Iterable
from typing import Any, NamedTuple

from tasks.common.html.pages import render_page
from tasks.common.recipe.bounds import RuleBounds
from tasks.deduplicate.run_crops import Judged, Subset
from tasks.review.report import picture_sheet

Row = dict[str, Any]
_MAX_SHOWN = 60
_UNKNOWN = "to be matted"


class RuleChange(NamedTuple):
    """How many crops fail a rule, and how many have it as their reason, before and after."""

    rule: str
    n_failed: int
    n_failed_after: int
    n_first: int
    n_first_after: int


class Move(NamedTuple):
    """How many crops go from one verdict to another."""

    before: str
    after: str
    n: int


class Changes(NamedTuple):
    """Counts of verdicts before and after, what moves, by rule, and the moved crops' verdicts."""

    before: Counter[str]
    after: Counter[str]
    moves: list[Move]
    rules: list[RuleChange]
    moved: dict[str, tuple[str, str]]


def compare(
    before: Subset, after: Subset, unmatted_before: Container[str], unmatted_after: Container[str]
) -> Changes:
    """Compare the last verdicts of one run under two sets of bounds.

    Of unmatted crops it is only known that they would go on to matting.
    """
    old = {row["crop_id"]: row for _, row in before.verdicts()}
    new = {row["crop_id"]: row for _, row in after.verdicts()}
    verdicts = {
        crop_id: (
            _UNKNOWN if crop_id in unmatted_before else str(old[crop_id]["verdict"]),
            _UNKNOWN if crop_id in unmatted_after else str(row["verdict"]),
        )
        for crop_id, row in new.items()
    }
    moved = {crop_id: pair for crop_id, pair in verdicts.items() if pair[0] != pair[1]}
    moves = Counter(moved.values())
    failed, first = _count(row for name, row in old.items() if name not in unmatted_before)
    failed_after, first_after = _count(
        row for name, row in new.items() if name not in unmatted_after
    )
    names = [name for name in RuleBounds.model_fields if failed[name] or failed_after[name]]
    return Changes(
        before=Counter(pair[0] for pair in verdicts.values()),
        after=Counter(pair[1] for pair in verdicts.values()),
        moves=[Move(*pair, n) for pair, n in sorted(moves.items())],
        rules=[
            RuleChange(name, failed[name], failed_after[name], first[name], first_after[name])
            for name in names
        ],
        moved=moved,
    )


def _count(rows: Iterable[Row]) -> tuple[Counter[str], Counter[str]]:
    """Count the crops that fail each rule, and those that have it as their reason."""
    failed: Counter[str] = Counter()
    first: Counter[str] = Counter()
    for row in rows:
        failed.update(json.loads(row["failed_rules"]))
        first.update([row["reason"]] if row["reason"] else [])
    return failed, first


def render_changes(after: Subset, changes: Changes, *, title: str, note: str) -> str:
    """Return a page with the pictures of what would enter and what would leave."""
    groups: dict[tuple[str, str], list[Judged]] = {pair: [] for pair in _order(changes)}
    for judged in after.crops():
        pair = changes.moved.get(judged.stem)
        if pair is not None:
            groups[pair].append(judged)
    return render_page(
        __package__,
        "verdict_diff.html.j2",
        title=title,
        note=note,
        changes=changes,
        groups=[
            picture_sheet(f"{old} → {new}", crops, after.workspace, _MAX_SHOWN)
            for (old, new), crops in groups.items()
        ],
    )


def _order(changes: Changes) -> list[tuple[str, str]]:
    """What enters first, then what leaves, then the rest."""
    rank = {"keep": 0, "review": 1, _UNKNOWN: 2, "drop": 3}
    pairs = [(move.before, move.after) for move in changes.moves]
    return sorted(pairs, key=lambda pair: (pair[1] != "keep", pair[0] != "keep", rank[pair[1]]))
