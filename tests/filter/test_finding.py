"""One value against its bounds: drop outside, review in the band, keep inside."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.recipe.bounds import Bounds
from tasks.filter.rule import Rule
from tasks.filter.rules import RULES


@pytest.mark.parametrize(
    ("value", "limits", "verdict", "bound"),
    [
        pytest.param(None, {"min": 0.5}, "drop", None, id="missing drops by default"),
        pytest.param(None, {"min": 0.5, "missing": "review"}, "review", None, id="missing, review"),
        pytest.param(None, {"min": 0.5, "missing": "keep"}, "keep", None, id="missing, keep"),
        pytest.param(0.0, {"min": 0.0}, "keep", None, id="nothing is not missing"),
        pytest.param(0.5, {"min": 0.5}, "keep", None, id="the minimum itself is good"),
        pytest.param(0.49, {"min": 0.5}, "drop", 0.5, id="below the minimum"),
        pytest.param(0.5, {"max": 0.5}, "keep", None, id="the maximum itself is good"),
        pytest.param(0.51, {"max": 0.5}, "drop", 0.5, id="above the maximum"),
        pytest.param(0.55, {"min": 0.5, "review_min": 0.6}, "review", 0.6, id="in the lower band"),
        pytest.param(0.6, {"min": 0.5, "review_min": 0.6}, "keep", None, id="its edge is good"),
        pytest.param(0.4, {"min": 0.5, "review_min": 0.6}, "drop", 0.5, id="below the band"),
        pytest.param(0.45, {"review_max": 0.4, "max": 0.5}, "review", 0.4, id="in the upper band"),
        pytest.param(0.4, {"review_max": 0.4, "max": 0.5}, "keep", None, id="its edge is good too"),
        pytest.param(0.6, {"review_max": 0.4, "max": 0.5}, "drop", 0.5, id="above the band"),
        pytest.param(0.0, {"review_min": 0.4}, "review", 0.4, id="review alone never drops"),
    ],
)
def test_a_value_is_held_against_its_bounds(
    value: float | None, limits: dict[str, Any], verdict: str, bound: float | None
) -> None:
    finding = RULES["subject_share"].judge(value, Bounds.model_validate(limits))
    assert (finding.verdict, finding.bound, finding.value) == (verdict, bound, value)


@pytest.mark.parametrize(
    ("rule", "value", "limits", "sentence"),
    [
        pytest.param(
            "frame_cut",
            0.41,
            Bounds(max=0.05),
            "41 % of the person's box lies on the frame border; the bound is 5 %.",
            id="a share in percent",
        ),
        pytest.param(
            "person_height_px",
            63.6,
            Bounds(min=128),
            "The person is 64 px tall; the bound is 128 px.",
            id="a length in px",
        ),
        pytest.param(
            "distortion",
            3.14159,
            Bounds(max=2.5),
            "The person is stretched 3.14 times in one direction; the bound is 2.50.",
            id="a ratio as it is",
        ),
        pytest.param(
            "sharpness",
            None,
            Bounds(min=0.4, missing="review"),
            "sharpness could not be measured; the recipe says review.",
            id="not measurable",
        ),
        pytest.param("frame_cut", 0.0, Bounds(max=0.05), "", id="nothing to say of a good one"),
    ],
)
def test_the_sentence_tells_value_and_bound_in_the_rules_own_unit(
    rule: str, value: float | None, limits: Bounds, sentence: str
) -> None:
    assert RULES[rule].judge(value, limits).sentence == sentence


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_can_tell_value_and_bound_apart(rule: str) -> None:
    finding = RULES[rule].judge(2.0, Bounds(min=3.0))
    scale = RULES[rule].scale
    assert f"{2.0 * scale:.0f}" in finding.sentence
    assert f"{3.0 * scale:.0f}" in finding.sentence


@given(
    value=st.one_of(st.none(), st.floats(0, 1)),
    limits=st.lists(st.floats(0, 1), min_size=4, max_size=4).map(sorted),
)
def test_every_value_gets_exactly_one_verdict(value: float | None, limits: list[float]) -> None:
    names = ("min", "review_min", "review_max", "max")
    bounds = Bounds.model_validate(dict(zip(names, limits, strict=True)))
    finding = RULES["subject_share"].judge(value, bounds)
    low, review_low, review_high, high = limits
    if value is None or value < low or value > high:
        assert finding.verdict == "drop"
    elif value < review_low or value > review_high:
        assert finding.verdict == "review"
    else:
        assert finding.verdict == "keep"


@pytest.mark.parametrize(
    ("rule", "value", "bound", "sentence"),
    [
        pytest.param(
            "sharpness",
            0.3962,
            0.4,
            "A slight blur takes 39.6 % of the edges' energy; the bound is 40.0 %: "
            "blurred or too small.",
            id="percent",
        ),
        pytest.param(
            "person_height_px",
            79.996,
            80.0,
            "The person is 79.996 px tall; the bound is 80.000 px.",
            id="a hair below",
        ),
        pytest.param(
            "person_height_px",
            70.2,
            80.0,
            "The person is 70 px tall; the bound is 80 px.",
            id="far below",
        ),
    ],
)
def test_value_and_bound_never_read_alike(
    rule: str, value: float, bound: float, sentence: str
) -> None:
    assert RULES[rule].sentence(value, bound) == sentence


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_sentence_can_be_told(rule: Rule) -> None:
    told = rule.sentence(0.25, 0.5)
    assert "{" not in told
    assert told.endswith((".", "small."))
