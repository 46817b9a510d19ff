"""Other bounds on stored measures: as a new ingest would judge, as far as can be known."""

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Drop, Source
from tasks.common.schema.columns import encode_row
from tasks.filter.judge import drop_empty_mask
from tasks.filter.rejudge import rejudge
from tasks.filter.rules import RULES
from tests.filter.builders import GOOD, SOURCE, Row, bounds_of, judge_rows, judged_crops
from tests.filter.strategies import failed, measures, rule_bounds

NOT_MEASURED = {name: None for name, rule in RULES.items() if rule.needs_mask}
EMPTY = Drop(
    item="tall",
    stage="matte",
    reason="mask_empty",
    value=0.0,
    bound=0.5,
    sentence="u2netp marks no pixel inside the detected box as person.",
)


def ingested(rows: list[Row], bounds: RuleBounds, empty: frozenset[str] = frozenset()) -> list[Row]:
    """Return the verdict rows that an ingest would store; on `empty` crops nobody is found."""
    screened = judge_rows([row | NOT_MEASURED for row in rows], SOURCE, bounds)
    admitted = {row["crop_id"] for row in screened if row["verdict"] != "drop"}
    matted = admitted - empty
    known = [row if row["crop_id"] in matted else row | NOT_MEASURED for row in rows]
    judged = judge_rows(known, SOURCE, bounds, matted)
    return [
        encode_row(drop_empty_mask(crop, EMPTY if crop.crop_id in admitted & empty else None))
        for crop in judged_crops(judged)
    ]


class Again(NamedTuple):
    rows: list[Row]
    unmatted: frozenset[str]


def rejudged(rows: list[Row], source: Source, bounds: RuleBounds) -> Again:
    """Judge stored verdict rows by other bounds."""
    done = rejudge(judged_crops(rows), source, bounds)
    return Again([encode_row(crop) for crop in done.crops], done.unmatted)


def crop(name: str, number: int, **values: float | None) -> Row:
    """Return a good crop that looks like no other one."""
    shown = {"hash": f"{0xFF << (8 * number):016x}", "mirror_hash": "5555555555555555"}
    return GOOD | {"crop_id": name} | shown | values


SMALL, TALL = crop("small", 0, person_height_px=90.0), crop("tall", 1)
LOOSE, STRICT = ({"min": 80}, {"min": 128})


def height(limits: dict[str, float], **others: object) -> RuleBounds:
    return bounds_of(person_height_px=limits, **others)


def test_of_no_crops_nothing_is_judged_again() -> None:
    assert rejudged([], SOURCE, height(STRICT)) == ([], frozenset())


def test_a_stricter_bound_drops_what_was_kept() -> None:
    done = rejudged(ingested([SMALL, TALL], height(LOOSE)), SOURCE, height(STRICT))
    assert [(row["verdict"], row["reason"]) for row in done.rows] == [
        ("drop", "person_height_px"),
        ("keep", None),
    ]
    assert done.unmatted == frozenset()


def test_a_looser_bound_before_matting_names_the_crops_that_were_never_matted() -> None:
    done = rejudged(ingested([SMALL, TALL], height(STRICT)), SOURCE, height(LOOSE))
    assert [row["verdict"] for row in done.rows] == ["keep", "keep"]
    assert done.unmatted == {"small"}


def test_an_unmatted_crop_for_review_is_named_too() -> None:
    loose = height({"min": 80, "review_min": 100})
    done = rejudged(ingested([SMALL, TALL], height(STRICT)), SOURCE, loose)
    assert [row["verdict"] for row in done.rows] == ["review", "keep"]
    assert done.unmatted == {"small"}


def test_a_looser_bound_after_matting_needs_no_matting() -> None:
    strict, loose = (bounds_of(subject_share={"min": share}) for share in (0.9, 0.4))
    done = rejudged(ingested([TALL], strict), SOURCE, loose)
    assert ([row["verdict"] for row in done.rows], done.unmatted) == (["keep"], frozenset())


def test_a_looser_near_duplicate_names_the_lesser_copy() -> None:
    copies = [crop("a", 0), crop("b", 0, sharpness=0.6)]
    judged = ingested(copies, bounds_of(near_duplicate={"min": 7}))
    assert [row["verdict"] for row in judged] == ["keep", "drop"]
    done = rejudged(judged, SOURCE, RuleBounds())
    assert ([row["verdict"] for row in done.rows], done.unmatted) == (["keep", "keep"], {"b"})


def test_the_better_of_two_is_chosen_again_when_it_falls_out() -> None:
    copies = [crop("a", 0, person_height_px=90.0), crop("b", 0, sharpness=0.6)]
    near = {"near_duplicate": {"min": 7}}
    done = rejudged(ingested(copies, height(LOOSE, **near)), SOURCE, height(STRICT, **near))
    assert [row["verdict"] for row in done.rows] == ["drop", "keep"]
    assert done.unmatted == {"b"}


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param(height(LOOSE), id="the same bounds"),
        pytest.param(RuleBounds(), id="no bounds at all"),
        pytest.param(height({"review_min": 500}), id="for review otherwise"),
    ],
)
def test_a_crop_on_which_nobody_was_found_stays_dropped(bounds: RuleBounds) -> None:
    (before,) = ingested([TALL], height(LOOSE), frozenset(["tall"]))
    done = rejudged([before], SOURCE, bounds)
    (row,) = done.rows
    repeated = ("reason", "value", "bound", "sentence")
    assert {name: row[name] for name in repeated} == EMPTY.model_dump(include=set(repeated))
    assert (row["verdict"], failed(row)[0], done.unmatted) == ("drop", "mask_empty", frozenset())


def test_a_crop_that_would_not_be_matted_is_dropped_for_that() -> None:
    before = ingested([TALL], height(LOOSE), frozenset(["tall"]))
    (row,) = rejudged(before, SOURCE, height({"min": 500})).rows
    assert (row["verdict"], row["reason"], row["value"]) == ("drop", "person_height_px", 200.0)


some_empty = st.frozensets(st.sampled_from(["c0", "c1"]))


@settings(max_examples=30)
@given(rows=measures(), bounds=rule_bounds(), empty=some_empty)
def test_the_same_bounds_give_the_same_verdicts(
    rows: list[Row], bounds: RuleBounds, empty: frozenset[str]
) -> None:
    before = ingested(rows, bounds, empty)
    done = rejudged(before, SOURCE, bounds)
    assert done.rows == before
    assert done.unmatted == frozenset()


@settings(max_examples=30)
@given(rows=measures(), bounds=rule_bounds(), empty=some_empty)
def test_once_everything_was_matted_all_bounds_are_judged_as_an_ingest_would(
    rows: list[Row], bounds: RuleBounds, empty: frozenset[str]
) -> None:
    done = rejudged(ingested(rows, RuleBounds(), empty), SOURCE, bounds)
    told = ("crop_id", "verdict", "reason", "value", "bound", "sentence")
    expected = ingested(rows, bounds, empty)
    assert [[row[name] for name in told] for row in done.rows] == [
        [row[name] for name in told] for row in expected
    ]
    assert done.unmatted == frozenset()


@settings(max_examples=30)
@given(rows=measures(), first=rule_bounds(), then=rule_bounds())
def test_only_crops_that_are_let_through_without_a_matte_are_named(
    rows: list[Row], first: RuleBounds, then: RuleBounds
) -> None:
    before = ingested(rows, first)
    done = rejudged(before, SOURCE, then)
    matted = {row["crop_id"] for row in before if row["subject_share"] is not None}
    through = {row["crop_id"] for row in done.rows if row["verdict"] != "drop"}
    assert [row["crop_id"] for row in done.rows] == [row["crop_id"] for row in before]
    assert done.unmatted == through - matted
