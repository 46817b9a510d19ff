"""What other bounds would change: how many crops, by which rule, and which of them to look at."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from tasks.common.html.pages import render_page
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.review.report import draw_group

_MAX_SHOWN = 60
# A verdict of this page only; it is never stored.
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


class VerdictDiff(NamedTuple):
    """How the verdicts on one run's crops differ under two sets of bounds.

    `before` and `after` count crops by verdict, `moves` those that go from one to another, `rules`
    whom each rule fails; `moved` has old and new verdict of each crop that moves, by id.
    """

    before: Counter[str]
    after: Counter[str]
    moves: list[Move]
    rules: list[RuleChange]
    moved: dict[str, tuple[str, str]]


def diff_verdicts(
    before: Sequence[RunCrop],
    after: Sequence[RunCrop],
    unmatted_before: Container[str],
    unmatted_after: Container[str],
) -> VerdictDiff:
    """Compare the last verdicts on the same crops under two sets of bounds.

    Unmatted crops have a verdict of their own and count for no rule: they would go on to matting,
    and the rules that need a mask have not judged them.
    """
    old = {
        crop.stem: _UNKNOWN if crop.stem in unmatted_before else str(crop.verdict.verdict)
        for crop in before
    }
    new = {
        crop.stem: _UNKNOWN if crop.stem in unmatted_after else str(crop.verdict.verdict)
        for crop in after
    }
    moved = {
        crop_id: (old[crop_id], verdict)
        # Both lists hold the same crops: bounds change verdicts, not which crops there are.
        for crop_id, verdict in new.items()
        if old[crop_id] != verdict
    }
    moves = Counter(moved.values())
    return VerdictDiff(
        before=Counter(old.values()),
        after=Counter(new.values()),
        moves=[Move(*pair, n) for pair, n in sorted(moves.items())],
        rules=_rule_changes(
            (crop for crop in before if crop.stem not in unmatted_before),
            (crop for crop in after if crop.stem not in unmatted_after),
        ),
        moved=moved,
    )


def _rule_changes(before: Iterable[RunCrop], after: Iterable[RunCrop]) -> list[RuleChange]:
    failed, first = _count(before)
    failed_after, first_after = _count(after)
    return [
        RuleChange(name, failed[name], failed_after[name], first[name], first_after[name])
        for name in RuleBounds.model_fields
        # Rules without an effect under either set of bounds would only fill the page.
        if failed[name] or failed_after[name]
    ]


def _count(crops: Iterable[RunCrop]) -> tuple[Counter[str], Counter[str]]:
    """Count the crops that fail each rule, and those that have it as their reason."""
    failed: Counter[str] = Counter()
    first: Counter[str] = Counter()
    for crop in crops:
        failed.update(crop.verdict.failed_rules)
        first.update([crop.verdict.reason] if crop.verdict.reason else [])
    return failed, first


def render_verdict_diff(
    after: Iterable[RunCrop], diff: VerdictDiff, workspace: Workspace, *, title: str, note: str
) -> str:
    """Return a page with the pictures of what would enter and what would leave."""
    groups: dict[tuple[str, str], list[RunCrop]] = {pair: [] for pair in _order(diff)}
    for crop in after:
        pair = diff.moved.get(crop.stem)
        if pair is not None:
            groups[pair].append(crop)
    return render_page(
        __package__,
        "verdict_diff.html.j2",
        title=title,
        note=note,
        diff=diff,
        groups=[
            draw_group(f"{old} → {new}", crops, workspace, _MAX_SHOWN)
            for (old, new), crops in groups.items()
        ],
    )


def _order(diff: VerdictDiff) -> list[tuple[str, str]]:
    """Return the pairs of verdicts: what enters first, then what leaves, then the rest."""
    rank = {"keep": 0, "review": 1, _UNKNOWN: 2, "drop": 3}
    pairs = [(move.before, move.after) for move in diff.moves]
    return sorted(pairs, key=lambda pair: (pair[1] != "keep", pair[0] != "keep", rank[pair[1]]))
