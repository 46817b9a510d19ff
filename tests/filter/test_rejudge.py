"""Other bounds on stored measures: as a new ingest would judge, as far as can be known."""

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Drop
from tasks.common.schema.rows import JudgedCrop, MeasuredCrop
from tasks.filter.judge import drop_empty_mask, judge_source
from tasks.filter.rejudge import rejudge
from tasks.filter.rules import RULES
from tests.filter.builders import GOOD, SOURCE, bounds_of, remeasured
from tests.filter.strategies import measured_crops, rule_bounds

NOT_MEASURED: dict[str, None] = {name: None for name, rule in RULES.items() if rule.needs_mask}
EMPTY = Drop(
    item="tall",
    stage="matte",
    reason="mask_empty",
    value=0.0,
    bound=0.5,
    sentence="u2netp marks no pixel inside the detected box as person.",
)


def ingested(
    crops: list[MeasuredCrop], bounds: RuleBounds, empty: frozenset[str] = frozenset()
) -> list[JudgedCrop]:
    """Return the verdicts that an ingest would store; on `empty` crops nobody is found."""
    unmatted = [remeasured(crop, NOT_MEASURED) for crop in crops]
    screened = judge_source(unmatted, SOURCE, bounds)
    admitted = {crop.crop_id for crop in screened if crop.verdict != "drop"}
    matted = admitted - empty
    known = [
        crop if crop.crop_id in matted else without_mask
        for crop, without_mask in zip(crops, unmatted, strict=True)
    ]
    return [
        drop_empty_mask(crop, EMPTY if crop.crop_id in admitted & empty else None)
        for crop in judge_source(known, SOURCE, bounds, matted)
    ]


def crop(name: str, number: int, **measures: float | None) -> MeasuredCrop:
    """Return a good crop that looks like no other one."""
    own_hash = f"{0xFF << (8 * number):016x}"
    good = replace(GOOD, crop_id=name, hash=own_hash, mirror_hash="5555555555555555")
    return remeasured(good, measures)


SMALL, TALL = crop("small", 0, person_height_px=90.0), crop("tall", 1)
LOOSE, STRICT = ({"min": 80}, {"min": 128})


def height(limits: Mapping[str, float], **others: object) -> RuleBounds:
    return bounds_of(person_height_px=limits, **others)


def test_of_no_crops_nothing_is_judged_again() -> None:
    assert rejudge([], SOURCE, height(STRICT)) == ([], frozenset())


def test_a_stricter_bound_drops_what_was_kept() -> None:
    done = rejudge(ingested([SMALL, TALL], height(LOOSE)), SOURCE, height(STRICT))
    assert [(crop.verdict, crop.reason) for crop in done.crops] == [
        ("drop", "person_height_px"),
        ("keep", None),
    ]
    assert done.unmatted == frozenset()


def test_a_looser_bound_before_matting_names_the_crops_that_were_never_matted() -> None:
    done = rejudge(ingested([SMALL, TALL], height(STRICT)), SOURCE, height(LOOSE))
    assert [crop.verdict for crop in done.crops] == ["keep", "keep"]
    assert done.unmatted == {"small"}


def test_an_unmatted_crop_for_review_is_named_too() -> None:
    loose = height({"min": 80, "review_min": 100})
    done = rejudge(ingested([SMALL, TALL], height(STRICT)), SOURCE, loose)
    assert [crop.verdict for crop in done.crops] == ["review", "keep"]
    assert done.unmatted == {"small"}


def test_a_looser_bound_after_matting_needs_no_matting() -> None:
    strict, loose = (bounds_of(subject_share={"min": share}) for share in (0.9, 0.4))
    done = rejudge(ingested([TALL], strict), SOURCE, loose)
    assert ([crop.verdict for crop in done.crops], done.unmatted) == (["keep"], frozenset())


def test_a_looser_near_duplicate_names_the_lesser_copy() -> None:
    copies = [crop("a", 0), crop("b", 0, sharpness=0.6)]
    judged = ingested(copies, bounds_of(near_duplicate={"min": 7}))
    assert [crop.verdict for crop in judged] == ["keep", "drop"]
    done = rejudge(judged, SOURCE, RuleBounds())
    assert [crop.verdict for crop in done.crops] == ["keep", "keep"]
    assert done.unmatted == {"b"}


def test_the_better_of_two_is_chosen_again_when_it_falls_out() -> None:
    copies = [crop("a", 0, person_height_px=90.0), crop("b", 0, sharpness=0.6)]
    near = {"near_duplicate": {"min": 7}}
    done = rejudge(ingested(copies, height(LOOSE, **near)), SOURCE, height(STRICT, **near))
    assert [crop.verdict for crop in done.crops] == ["drop", "keep"]
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
    done = rejudge([before], SOURCE, bounds)
    (crop,) = done.crops
    repeated = attrgetter("reason", "value", "bound", "sentence")
    assert repeated(crop) == repeated(EMPTY)
    assert (crop.verdict, crop.failed_rules[0]) == ("drop", "mask_empty")
    assert done.unmatted == frozenset()


def test_a_crop_that_would_not_be_matted_is_dropped_for_that() -> None:
    before = ingested([TALL], height(LOOSE), frozenset(["tall"]))
    (crop,) = rejudge(before, SOURCE, height({"min": 500})).crops
    assert (crop.verdict, crop.reason, crop.value) == ("drop", "person_height_px", 200.0)


some_empty = st.frozensets(st.sampled_from(["c0", "c1"]))


@settings(max_examples=30)
@given(crops=measured_crops(), bounds=rule_bounds(), empty=some_empty)
def test_the_same_bounds_give_the_same_verdicts(
    crops: list[MeasuredCrop], bounds: RuleBounds, empty: frozenset[str]
) -> None:
    before = ingested(crops, bounds, empty)
    done = rejudge(before, SOURCE, bounds)
    assert done.crops == before
    assert done.unmatted == frozenset()


@settings(max_examples=30)
@given(crops=measured_crops(), bounds=rule_bounds(), empty=some_empty)
def test_once_everything_was_matted_all_bounds_are_judged_as_an_ingest_would(
    crops: list[MeasuredCrop], bounds: RuleBounds, empty: frozenset[str]
) -> None:
    done = rejudge(ingested(crops, RuleBounds(), empty), SOURCE, bounds)
    decided = attrgetter("crop_id", "verdict", "reason", "value", "bound", "sentence")
    expected = ingested(crops, bounds, empty)
    assert list(map(decided, done.crops)) == list(map(decided, expected))
    assert done.unmatted == frozenset()


@settings(max_examples=30)
@given(crops=measured_crops(), first=rule_bounds(), then=rule_bounds())
def test_only_crops_that_are_let_through_without_a_matte_are_named(
    crops: list[MeasuredCrop], first: RuleBounds, then: RuleBounds
) -> None:
    before = ingested(crops, first)
    done = rejudge(before, SOURCE, then)
    matted = {crop.crop_id for crop in before if crop.measures["subject_share"] is not None}
    through = {crop.crop_id for crop in done.crops if crop.verdict != "drop"}
    assert [crop.crop_id for crop in done.crops] == [crop.crop_id for crop in before]
    assert done.unmatted == through - matted
