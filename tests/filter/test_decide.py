"""Bounds become verdicts: the first failing rule gives the reason, none is forgotten."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.bounds import Bounds, RuleBounds
from tasks.common.records import Source
from tasks.filter.decide import decide, judge
from tasks.filter.measure import _finite
from tasks.filter.rules import RULES

SOURCE = Source(source_id="clip", uri="clip.mp4", scenes=("park", "night"))
GOOD: dict[str, Any] = {
    "crop_id": "c",
    "person_height_px": 200.0,
    "detector_confidence": 0.9,
    "frame_cut": 0.0,
    "person_overlap": 0.0,
    "sharpness": 0.05,
    "mask_whole": 1.0,
    "subject_share": 0.5,
    "frame_cut_mask": 0.0,
    "person_overlap_mask": 0.0,
}


def bounds_of(**rules: Any) -> RuleBounds:
    return RuleBounds.model_validate(rules)


def test_every_rule_has_a_bound_in_the_recipe_and_every_bound_a_rule() -> None:
    assert set(RULES) | {"excluded_scene"} == set(RuleBounds.model_fields)


def test_without_bounds_everything_is_kept() -> None:
    row = decide(GOOD, SOURCE, RuleBounds(), with_mask=True)
    assert (row["verdict"], row["reason"], row["failed_rules"]) == ("keep", None, "[]")


@pytest.mark.parametrize(
    ("value", "limits", "verdict", "bound"),
    [
        pytest.param(0.5, {"min": 0.5}, "keep", None, id="the minimum itself is good"),
        pytest.param(0.49, {"min": 0.5}, "drop", 0.5, id="below the minimum"),
        pytest.param(0.5, {"max": 0.5}, "keep", None, id="the maximum itself is good"),
        pytest.param(0.51, {"max": 0.5}, "drop", 0.5, id="above the maximum"),
        pytest.param(0.55, {"min": 0.5, "review_min": 0.6}, "review", 0.6, id="in the band above"),
        pytest.param(0.4, {"min": 0.5, "review_min": 0.6}, "drop", 0.5, id="below the band"),
        pytest.param(0.45, {"review_max": 0.4, "max": 0.5}, "review", 0.4, id="in the band below"),
        pytest.param(None, {"min": 0.5}, "drop", None, id="missing drops by default"),
        pytest.param(None, {"min": 0.5, "missing": "review"}, "review", None, id="missing, review"),
        pytest.param(None, {"min": 0.5, "missing": "keep"}, "keep", None, id="missing, keep"),
    ],
)
def test_a_value_is_held_against_its_bounds(
    value: float | None, limits: dict[str, Any], verdict: str, bound: float | None
) -> None:
    finding = judge(RULES["subject_share"], value, Bounds.model_validate(limits))
    assert (finding.verdict, finding.bound) == (verdict, bound)


def test_the_sentence_tells_value_and_bound_in_percent() -> None:
    finding = judge(RULES["frame_cut"], 0.41, Bounds(max=0.05))
    assert finding.sentence == (
        "41 % of the person's box lies on the frame border; the bound is 5 %."
    )


def test_the_first_failing_rule_gives_the_reason_and_all_are_listed() -> None:
    bounds = bounds_of(subject_share={"min": 0.9}, person_height_px={"min": 500})
    row = decide(GOOD, SOURCE, bounds, with_mask=True)
    assert row["reason"] == "person_height_px"
    assert json.loads(row["failed_rules"]) == ["person_height_px", "subject_share"]


def test_a_drop_outweighs_an_earlier_review() -> None:
    bounds = bounds_of(person_height_px={"review_min": 500}, subject_share={"min": 0.9})
    row = decide(GOOD, SOURCE, bounds, with_mask=True)
    assert (row["verdict"], row["reason"]) == ("drop", "subject_share")


def test_rules_that_need_a_mask_stay_silent_before_matting() -> None:
    bounds = bounds_of(subject_share={"min": 0.9})
    row = decide(GOOD | {"subject_share": None}, SOURCE, bounds, with_mask=False)
    assert row["verdict"] == "keep"


@pytest.mark.parametrize(
    ("scenes", "missing", "verdict"),
    [
        pytest.param(("night",), "keep", "drop", id="excluded"),
        pytest.param(("park",), "keep", "keep", id="another"),
        pytest.param(("park", "night"), "keep", "drop", id="one of several"),
        pytest.param((), "keep", "keep", id="no tags, keep"),
        pytest.param((), "review", "review", id="no tags, review"),
        pytest.param((), "drop", "drop", id="no tags, drop"),
    ],
)
def test_excluded_scenes_are_left_out(scenes: tuple[str, ...], missing: str, verdict: str) -> None:
    source = SOURCE.model_copy(update={"scenes": scenes})
    bounds = bounds_of(excluded_scene={"tags": ["night"], "missing": missing})
    assert decide(GOOD, source, bounds, with_mask=False)["verdict"] == verdict


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_that_is_none_passes_a_bound(value: float) -> None:
    assert _finite(value) is None


@given(
    value=st.one_of(st.none(), st.floats(0, 1)),
    limits=st.lists(st.floats(0, 1), min_size=4, max_size=4).map(sorted),
)
def test_every_value_gets_exactly_one_verdict(value: float | None, limits: list[float]) -> None:
    names = ("min", "review_min", "review_max", "max")
    bounds = Bounds.model_validate(dict(zip(names, limits, strict=True)))
    finding = judge(RULES["subject_share"], value, bounds)
    low, review_low, review_high, high = limits
    if value is None or value < low or value > high:
        assert finding.verdict == "drop"
    elif value < review_low or value > review_high:
        assert finding.verdict == "review"
    else:
        assert finding.verdict == "keep"
