"""Measures become verdicts: the first failing rule gives the reason, none is forgotten."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Verdict
from tasks.common.schema.columns import Measures, columns_of, encode_row
from tasks.common.schema.rows import JudgedCrop, MeasuredCrop
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.similarity.picture_hash import quality_key
from tasks.filter.judge import decide, findings_of, judge_source
from tasks.filter.rule import Finding
from tests.filter.builders import GOOD, SOURCE, bounds_of, remeasured
from tests.filter.strategies import measured_crops, rule_bounds

MATTED = {"c"}
WORST: list[Verdict] = ["keep", "review", "drop"]


def judged(
    bounds: RuleBounds, measures: Measures | None = None, *, matted: bool = True
) -> JudgedCrop:
    crop = remeasured(GOOD, measures or {})
    (verdict,) = judge_source([crop], SOURCE, bounds, MATTED if matted else ())
    return verdict


def test_of_no_crops_there_are_no_verdicts() -> None:
    assert judge_source([], SOURCE, bounds_of(near_duplicate={"min": 7})) == []


def test_without_bounds_everything_is_kept() -> None:
    crop = judged(RuleBounds())
    assert (crop.verdict, crop.reason, crop.value) == ("keep", None, None)
    assert (crop.bound, crop.sentence, crop.failed_rules) == (None, None, ())


def test_without_bounds_what_could_not_be_measured_is_kept() -> None:
    assert judged(RuleBounds(), dict.fromkeys(MEASURED_RULES)).verdict == "keep"


def test_a_verdict_row_fills_the_columns_of_its_table() -> None:
    assert set(encode_row(judged(RuleBounds()))) == set(columns_of(JudgedCrop))


def test_the_first_failing_rule_gives_the_reason_and_all_are_listed() -> None:
    crop = judged(bounds_of(subject_share={"min": 0.9}, person_height_px={"min": 500}))
    assert (crop.verdict, crop.reason) == ("drop", "person_height_px")
    assert (crop.value, crop.bound) == (200.0, 500.0)
    assert crop.sentence == "The person is 200 px tall; the bound is 500 px."
    assert crop.failed_rules == ("person_height_px", "subject_share")


def test_a_drop_outweighs_an_earlier_review() -> None:
    crop = judged(bounds_of(person_height_px={"review_min": 500}, subject_share={"min": 0.9}))
    assert (crop.verdict, crop.reason, crop.value) == ("drop", "subject_share", 0.5)
    assert crop.failed_rules == ("person_height_px", "subject_share")


def test_a_review_outweighs_what_is_kept() -> None:
    crop = judged(bounds_of(person_height_px={"min": 100}, subject_share={"review_min": 0.9}))
    assert (crop.verdict, crop.reason, crop.bound) == ("review", "subject_share", 0.9)


def test_what_cannot_be_measured_has_a_reason_but_no_value() -> None:
    crop = judged(bounds_of(sharpness={"min": 0.4}), {"sharpness": None})
    assert (crop.verdict, crop.reason, crop.value, crop.bound) == (
        "drop", "sharpness", None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("matted", "verdict"), [pytest.param(False, "keep", id="before matting"),
                            pytest.param(True, "drop", id="after matting")]
)  # fmt: skip
def test_rules_that_need_a_mask_stay_silent_before_matting(matted: bool, verdict: str) -> None:
    bounds = bounds_of(subject_share={"min": 0.9})
    assert judged(bounds, {"subject_share": None}, matted=matted).verdict == verdict


@pytest.mark.parametrize("rule", ["excluded_scene", "licence"])
def test_rules_on_the_source_speak_first_and_on_every_crop(rule: str) -> None:
    limits = {"excluded_scene": {"tags": ["park"]}, "licence": {"allowed": ["CC0-1.0"]}}[rule]
    bounds = bounds_of(person_height_px={"min": 500}, **{rule: limits})
    crops = judge_source([GOOD, replace(GOOD, crop_id="d")], SOURCE, bounds)
    assert [(crop.reason, crop.failed_rules) for crop in crops] == [
        (rule, (rule, "person_height_px"))
    ] * 2


def test_of_no_findings_the_verdict_is_keep() -> None:
    assert decide([]) == ("keep", None, None, None, None, ())


@given(st.lists(st.builds(Finding, st.sampled_from("abc"), st.sampled_from(WORST))))
def test_the_worst_finding_is_the_verdict_and_the_first_of_those_the_reason(
    findings: list[Finding],
) -> None:
    decision = decide(findings)
    worst = max((WORST.index(finding.verdict) for finding in findings), default=0)
    assert WORST.index(decision.verdict) == worst
    bad = [finding.rule for finding in findings if finding.verdict != "keep"]
    as_bad = [finding.rule for finding in findings if finding.verdict == decision.verdict]
    assert list(decision.failed_rules) == bad
    assert decision.reason == (as_bad[0] if bad else None)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(
            ("c", {"frame_cut": 0.1}), ("c", {"frame_cut": 0.2, "sharpness": 0.9}), id="less cut"
        ),
        pytest.param(("c", {"sharpness": 0.8}), ("c", {"sharpness": 0.7}), id="sharper"),
        pytest.param(
            ("c", {"frame_cut": 0.104, "sharpness": 0.8}),
            ("c", {"frame_cut": 0.096, "sharpness": 0.7}),
            id="sharper, cut alike to a percent",
        ),
        pytest.param(
            ("c", {"sharpness": 0.1}), ("c", {"sharpness": None}), id="its sharpness is known"
        ),
        pytest.param(("c", {"frame_cut": 0.9}), ("c", {"frame_cut": None}), id="its cut is known"),
        pytest.param(("a", {}), ("b", {}), id="the first name of equal ones"),
    ],
)
def test_of_two_crops_the_less_cut_and_then_the_sharper_comes_first(
    better: tuple[str, Measures], worse: tuple[str, Measures]
) -> None:
    first, second = (
        quality_key(crop_id, remeasured(GOOD, measures).measures)
        for crop_id, measures in (better, worse)
    )
    assert first < second


@settings(max_examples=50)
@given(
    crops=measured_crops(),
    bounds=rule_bounds(),
    matted=st.sets(st.sampled_from(["c0", "c1", "c2"])),
)
def test_every_crop_gets_exactly_one_verdict_with_its_reasons(
    crops: list[MeasuredCrop], bounds: RuleBounds, matted: set[str]
) -> None:
    verdicts = judge_source(crops, SOURCE, bounds, matted)
    assert [crop.crop_id for crop in verdicts] == [crop.crop_id for crop in crops]
    for crop in verdicts:
        reasons = list(crop.failed_rules)
        assert crop.verdict in WORST
        assert (crop.verdict == "keep") == (reasons == []) == (crop.reason is None)
        assert crop.reason is None or crop.reason in reasons
        assert reasons == [name for name in MEASURED_RULES if name in reasons]
        assert all(bounds.of(name) is not None for name in reasons)


@settings(max_examples=50)
@given(crops=measured_crops(), bounds=rule_bounds(), turns=st.randoms(use_true_random=False))
def test_the_order_of_the_crops_does_not_matter(
    crops: list[MeasuredCrop], bounds: RuleBounds, turns: Random
) -> None:
    shuffled = turns.sample(crops, len(crops))
    by_name = {crop.crop_id: crop for crop in judge_source(shuffled, SOURCE, bounds)}
    assert [by_name[crop.crop_id] for crop in crops] == judge_source(crops, SOURCE, bounds)


@settings(max_examples=50)
@given(crops=measured_crops(), bounds=rule_bounds())
def test_the_findings_of_a_matted_crop_make_up_its_verdict(
    crops: list[MeasuredCrop], bounds: RuleBounds
) -> None:
    for crop in judge_source(crops, SOURCE, bounds, {crop.crop_id for crop in crops}):
        decision = decide(findings_of(crop, SOURCE, bounds))
        assert decision._asdict() == {name: getattr(crop, name) for name in decision._fields}


def test_rules_on_the_mask_say_nothing_of_a_crop_that_never_was_matted() -> None:
    bounds = RuleBounds.model_validate(
        {"person_height_px": {"min": 500}, "subject_share": {"min": 0.1}}
    )
    (crop,) = judge_source([remeasured(GOOD, {"subject_share": None})], SOURCE, bounds)
    assert [finding.rule for finding in findings_of(crop, SOURCE, bounds)] == ["person_height_px"]
