"""A curator's decision stands whatever the rules say; it changes what it is about."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.records import Verdict
from tasks.common.schema.channels import human_channel
from tasks.common.schema.decisions import Action
from tasks.common.schema.rows import JudgedCrop, MeasuredCrop
from tasks.common.schema.rulings import MaskShown, Ruling, in_force, rule_on
from tasks.filter.corrected import settle_all
from tasks.filter.decided import settle_by_decisions
from tasks.filter.judge import judge_source
from tasks.filter.rejudge import rejudge
from tests.common.deciding import MASK, decision
from tests.filter.builders import GOOD, SOURCE, bounds_of, remeasured
from tests.filter.strategies import measured_crops, rule_bounds

MACHINE = "rembg u2netp"
DISPUTED = human_channel(["ps"], 1, is_disputed=True)
BOUNDS = bounds_of(
    sharpness={"min": 0.2, "review_min": 0.5},
    trust={"min": 0.5, "review_min": 0.85},
    near_duplicate={"min": 5},
)
BLURRED = remeasured(GOOD, {"sharpness": 0.1})
SOFT = remeasured(GOOD, {"sharpness": 0.4})
DOUBTED = remeasured(GOOD, {"trust": 0.3})


def ruling(*actions: Action, **facts: Any) -> Ruling:
    lines = [decision(action, minutes, **facts) for minutes, action in enumerate(actions)]
    return rule_on(in_force(lines), MaskShown(MASK, MACHINE))


def judged(
    crops: list[MeasuredCrop],
    rulings: dict[str, Ruling],
    channel: str | None = MACHINE,
    *,
    matted: bool = True,
) -> dict[str, JudgedCrop]:
    """Judge crops as the stage does, by BOUNDS."""
    names = {crop.crop_id for crop in crops} if matted else set()
    channels = dict.fromkeys(names, channel)
    by_rules = settle_all(
        judge_source(crops, SOURCE, BOUNDS, names, rulings), SOURCE, BOUNDS, channels
    )
    final = settle_by_decisions(by_rules, SOURCE, BOUNDS, channels, rulings)
    again = rejudge(final, SOURCE, BOUNDS, channels, rulings)
    assert again.crops == final
    return {crop.crop_id: crop for crop in final}


@pytest.mark.parametrize(
    ("crop", "action", "verdict", "reason"),
    [
        pytest.param(BLURRED, "keep", "keep", "decision", id="keep what is dropped"),
        pytest.param(SOFT, "keep", "keep", "decision", id="keep what is for review"),
        pytest.param(GOOD, "keep", "keep", None, id="keep what is kept"),
        pytest.param(GOOD, "drop", "drop", "decision", id="drop what is kept"),
        pytest.param(BLURRED, "drop", "drop", "decision", id="drop what is dropped"),
        pytest.param(GOOD, "review", "review", "decision", id="look at what is kept"),
        pytest.param(BLURRED, "review", "review", "decision", id="look at what is dropped"),
        pytest.param(SOFT, "review", "review", "decision", id="look at what is for review"),
        pytest.param(GOOD, "bad_mask", "review", "decision", id="a bad mask"),
        pytest.param(BLURRED, "bad_mask", "drop", "sharpness", id="a bad mask of a dropped one"),
        pytest.param(BLURRED, "needs_person", "review", "decision", id="a person shall draw it"),
        pytest.param(DOUBTED, "good_mask", "keep", None, id="a good mask that was doubted"),
        pytest.param(
            remeasured(DOUBTED, {"sharpness": 0.1}),
            "good_mask",
            "drop",
            "sharpness",
            id="a good mask of a blurred picture",
        ),
    ],
)
def test_the_verdict_on_a_crop(
    crop: MeasuredCrop, action: Action, verdict: Verdict, reason: str | None
) -> None:
    found = judged([crop], {"c": ruling(action, reason="because")})["c"]
    assert (found.verdict, found.reason) == (verdict, reason)
    assert found.decided is not None
    assert (found.decided.by, found.decided.why) == ("ann", "because")


def test_the_sentence_names_who_decided_when_why_and_what_the_rules_said() -> None:
    found = judged([BLURRED], {"c": ruling("keep", reason="motion blur is fine here.")})["c"]
    assert found.sentence == (
        "ann decided on 2026-11-29 to keep it: motion blur is fine here. "
        "The rules: drop, sharpness."
    )
    assert found.failed_rules == ()
    applied = ruling("drop", applied_from="0a" * 20)
    dropped = judged([BLURRED], {"c": applied})["c"]
    assert "for a crop like this one: blurred." in str(dropped.sentence)
    assert dropped.failed_rules == ("decision", "sharpness")


def test_a_good_mask_settles_what_people_disagreed_about() -> None:
    assert judged([DOUBTED], {}, DISPUTED)["c"].reason == "mask_disputed"
    assert judged([DOUBTED], {"c": ruling("good_mask")}, DISPUTED)["c"].verdict == "keep"


def test_what_has_no_mask_waits_for_one() -> None:
    unmatted = remeasured(BLURRED, {"subject_share": None})
    found = judged([unmatted], {"c": ruling("keep")}, matted=False)["c"]
    assert (found.verdict, found.reason) == ("review", "decision")
    assert "It has no mask yet" in str(found.sentence)
    assert rejudge([found], SOURCE, BOUNDS, {}, {"c": ruling("keep")}).unmatted == {"c"}
    assert rejudge([found], SOURCE, BOUNDS, {}, {"c": ruling("drop")}).unmatted == frozenset()


def test_an_undone_decision_gives_the_verdict_of_the_rules_back() -> None:
    before = judged([BLURRED], {})["c"]
    decided = judged([BLURRED], {"c": ruling("keep")})["c"]
    assert rejudge([decided], SOURCE, BOUNDS, {"c": MACHINE}).crops == [before]


SHARP, COPY = replace(GOOD, crop_id="a"), remeasured(replace(GOOD, crop_id="b"), {"sharpness": 0.6})


@pytest.mark.parametrize(
    ("rulings", "verdicts"),
    [
        pytest.param({}, {"a": "keep", "b": "drop"}, id="nobody decided"),
        pytest.param({"a": ruling("drop")}, {"a": "drop", "b": "keep"}, id="the better is dropped"),
        pytest.param({"a": ruling("review")}, {"a": "review", "b": "keep"}, id="or looked at"),
        pytest.param({"b": ruling("keep")}, {"a": "keep", "b": "keep"}, id="the copy is wanted"),
        pytest.param(
            {"b": ruling("keep", applied_from="0a" * 20)},
            {"a": "keep", "b": "drop"},
            id="the answer was given for another one",
        ),
    ],
)
def test_decisions_about_nearly_equal_crops(
    rulings: dict[str, Ruling], verdicts: dict[str, Verdict]
) -> None:
    found = judged([SHARP, COPY], rulings)
    assert {name: crop.verdict for name, crop in found.items()} == verdicts


@given(crops=measured_crops(), bounds=rule_bounds(), data=st.data())
def test_decisions_change_no_verdict_but_those_of_decided_crops_and_their_copies(
    crops: list[MeasuredCrop], bounds: Any, data: st.DataObject
) -> None:
    names = [crop.crop_id for crop in crops]
    chosen = data.draw(st.sets(st.sampled_from(names))) if names else set()
    actions: list[Action] = ["keep", "drop", "review", "good_mask", "bad_mask"]
    action = data.draw(st.sampled_from(actions))
    rulings = {name: ruling(action) for name in chosen}
    plain = rejudge(judge_source(crops, SOURCE, bounds, names), SOURCE, bounds)
    decided = rejudge(plain.crops, SOURCE, bounds, {}, rulings)
    for before, after in zip(plain.crops, decided.crops, strict=True):
        near = {before.reason, after.reason} & {"near_duplicate"}
        if after.crop_id not in chosen and not near:
            assert (after.verdict, after.reason) == (before.verdict, before.reason)
        if after.crop_id in chosen and action == "drop":
            assert after.verdict == "drop"
        if after.crop_id in chosen and action == "keep":
            assert after.verdict == ("keep" if after.measures["subject_share"] else "review")
    assert rejudge(decided.crops, SOURCE, bounds).crops == plain.crops
