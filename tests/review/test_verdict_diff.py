"""What other bounds would change: counts, moves, rules, and a page with pictures."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.records import Verdict
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.review.verdict_diff import (
    Move,
    RuleChange,
    VerdictDiff,
    diff_verdicts,
    render_verdict_diff,
)
from tests.dataset.builders import judged, source, verdicts_only
from tests.dataset.crops import Crop, failed
from tests.deduplicate.builders import run_crop, run_crops
from tests.review.pages import Page

UNKNOWN = "to be matted"
SENTENCES: dict[Verdict, str | None] = {"keep": None, "drop": "Too soft.", "review": "Rather soft."}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("workspace"))


def _crops(verdicts: str) -> list[Crop]:
    """Return a crop for each first letter of a verdict, named 0, 1, …"""
    words = [next(word for word in SENTENCES if word[0] == letter) for letter in verdicts]
    return [
        Crop(f"{n}", word, "sharpness" if SENTENCES[word] else None, SENTENCES[word])
        for n, word in enumerate(words)
    ]


def _judged(crops: list[Crop]) -> list[RunCrop]:
    return [run_crop("s", crop) for crop in crops]


def _diff(before: str, after: str, *, waited: str = "", waiting: str = "") -> VerdictDiff:
    """Compare verdicts given by their first letters; `waited`, `waiting` name unmatted crops."""
    return diff_verdicts(
        _judged(_crops(before)),
        _judged(_crops(after)),
        [f"s-{name}" for name in waited],
        [f"s-{name}" for name in waiting],
    )


def test_where_there_is_nothing_nothing_changes() -> None:
    assert diff_verdicts([], [], [], []) == VerdictDiff(Counter(), Counter(), [], [], {})


def test_equal_verdicts_are_no_change(workspace: Workspace) -> None:
    diff = _diff("kkdr", "kkdr")
    assert (diff.moves, diff.moved) == ([], {})
    assert diff.before == diff.after == {"keep": 2, "drop": 1, "review": 1}


@pytest.mark.parametrize("old", ["keep", "drop", "review"])
@pytest.mark.parametrize("new", ["keep", "drop", "review"])
def test_a_crop_with_another_verdict_moves(old: str, new: str, workspace: Workspace) -> None:
    diff = _diff(old[0] + "k", new[0] + "k")
    assert diff.moves == ([] if old == new else [Move(old, new, 1)])
    assert diff.moved == ({} if old == new else {"s-0": (old, new)})


def test_equal_moves_are_counted_together(workspace: Workspace) -> None:
    diff = _diff("kkkdd", "ddrkk")
    assert diff.moves == [("drop", "keep", 2), ("keep", "drop", 2), ("keep", "review", 1)]
    assert (diff.before, diff.after) == (
        {"keep": 3, "drop": 2},
        {"keep": 2, "drop": 2, "review": 1},
    )


@pytest.mark.parametrize("verdict", ["k", "r"])
def test_of_a_crop_without_a_mask_it_is_known_only_that_it_goes_to_matting(
    verdict: str, workspace: Workspace
) -> None:
    diff = _diff("dk", verdict + "k", waiting="0")
    assert diff.moves == [Move("drop", UNKNOWN, 1)]
    assert diff.after == {UNKNOWN: 1, "keep": 1}


def test_a_crop_that_waits_for_its_mask_before_and_after_does_not_move(
    workspace: Workspace,
) -> None:
    diff = _diff("k", "r", waited="0", waiting="0")
    assert (diff.before, diff.moves) == ({UNKNOWN: 1}, [])


def test_a_crop_that_would_no_longer_be_matted_moves_to_its_new_verdict(
    workspace: Workspace,
) -> None:
    assert _diff("k", "d", waited="0").moves == [Move(UNKNOWN, "drop", 1)]


def test_each_rule_says_how_many_it_fails_and_fails_first_now_and_then(
    workspace: Workspace,
) -> None:
    before = [failed("a", "sharpness", "exposure"), failed("b", "sharpness"), Crop("c")]
    after = [failed("a", "exposure"), Crop("b"), failed("c", "frame_cut", "exposure")]
    diff = diff_verdicts(_judged(before), _judged(after), [], [])
    assert diff.rules == [
        RuleChange("frame_cut", 0, 1, 0, 1),
        RuleChange("sharpness", 2, 0, 2, 0),
        RuleChange("exposure", 1, 2, 0, 1),
    ]


def test_near_duplicates_of_other_sources_count_too(workspace: Workspace) -> None:
    outcomes = [verdicts_only(workspace, source(name), [Crop("a", hash=7)]) for name in ("x", "y")]
    loose, strict = (run_crops(workspace, *outcomes, **bounds).crops for bounds in ({}, NEAR))
    diff = diff_verdicts(loose, strict, [], [])
    assert diff.moved == {"y-a": ("keep", "drop")}
    assert diff.rules == [RuleChange("near_duplicate", 0, 1, 0, 1)]


NEAR = {"near_duplicate": {"min": 5}}
_PAIRS = st.lists(st.tuples(*[st.sampled_from("kdr")] * 2), max_size=8)


@settings(max_examples=15, deadline=None)
@given(_PAIRS)
def test_what_moves_is_the_difference_of_the_counts(
    workspace: Workspace, pairs: list[tuple[str, str]]
) -> None:
    diff = _diff(*("".join(pair[side] for pair in pairs) for side in (0, 1)))
    assert diff.before.total() == diff.after.total() == len(pairs)
    then = Counter(diff.before)
    for move in diff.moves:
        then[move.before] -= move.n
        then[move.after] += move.n
    assert +then == diff.after
    assert sum(move.n for move in diff.moves) == len(diff.moved)


def _page(workspace: Workspace, before: str, after: str, waiting: str = "", note: str = "") -> Page:
    old, new = (
        run_crops(workspace, judged(workspace, source("s"), _crops(verdicts))).crops
        for verdicts in (before, after)
    )
    diff = diff_verdicts(old, new, [], [f"s-{name}" for name in waiting])
    return Page(render_verdict_diff(new, diff, workspace, title="What would change", note=note))


@pytest.mark.parametrize("verdicts", ["", "kdr"])
def test_a_page_without_changes_says_so_and_shows_no_picture(
    verdicts: str, workspace: Workspace
) -> None:
    page = _page(workspace, verdicts, verdicts)
    assert "Nothing would change." in page.text
    assert "img" not in page.tags


def test_what_enters_comes_first_then_what_leaves_then_the_rest(workspace: Workspace) -> None:
    page = _page(workspace, "kkdrddr", "drkkrkd", waiting="5")
    headings = [
        "drop → keep 1",
        "review → keep 1",
        "keep → review 1",
        "keep → drop 1",
        "drop → review 1",
        "drop → to be matted 1",
        "review → drop 1",
    ]
    places = [page.text.find(f" {heading} ") for heading in headings]
    assert places == sorted(places)
    assert min(places) > 0
    assert page.all_of("img", "alt") == ["s-2", "s-3", "s-1", "s-0", "s-4", "s-5", "s-6"]


def test_what_stays_is_not_shown(workspace: Workspace) -> None:
    assert _page(workspace, "kkd", "kdd").all_of("img", "alt") == ["s-1"]


def test_the_page_tells_counts_note_and_the_new_sentences(workspace: Workspace) -> None:
    page = _page(workspace, "kkk", "kdr", note="sharpness.min=0.5 <b>")
    for told in ("keep 3 1", "review 0 1", "drop 0 1", "sharpness 0 2 0 2"):
        assert f" {told} " in page.text
    for told in ("Too soft.", "Rather soft.", "sharpness.min=0.5 <b>"):
        assert told in page.text


def test_the_page_needs_no_other_file(workspace: Workspace) -> None:
    page = _page(workspace, "kd", "dk")
    assert [target[:23] for target in page.targets] == ["data:image/jpeg;base64,"] * 2
