"""A person who corrected a mask has answered the rules that doubt it, and no other rule."""

from dataclasses import replace

import pytest

from tasks.common.schema.channels import human_channel, is_agreed, is_disputed, is_human
from tasks.common.schema.rule_names import MASK_DOUBTS
from tasks.filter.corrected import settle_by_people
from tasks.filter.judge import judge_source
from tasks.filter.rejudge import rejudge
from tasks.filter.rules import RULES
from tests.filter.builders import GOOD, SOURCE, bounds_of, remeasured

HUMAN, DISPUTED = human_channel(["ps"]), human_channel(["ps"], 1, is_disputed=True)
BOUNDS = bounds_of(mask_agreement={"min": 0.7, "review_min": 0.9}, sharpness={"min": 0.2})
DOUBTFUL = remeasured(GOOD, {"mask_agreement": 0.5})
BLURRED = remeasured(DOUBTFUL, {"sharpness": 0.1})


@pytest.mark.parametrize(
    ("crop", "channel", "verdict", "reason"),
    [
        pytest.param(DOUBTFUL, "rembg u2netp", "drop", "mask_agreement", id="a machine's"),
        pytest.param(DOUBTFUL, None, "drop", "mask_agreement", id="of an older run"),
        pytest.param(DOUBTFUL, "coco", "drop", "mask_agreement", id="of an annotated data set"),
        pytest.param(DOUBTFUL, HUMAN, "keep", None, id="a person's"),
        pytest.param(BLURRED, HUMAN, "drop", "sharpness", id="a person's on a blurred picture"),
        pytest.param(DOUBTFUL, DISPUTED, "review", "mask_disputed", id="disputed"),
        pytest.param(BLURRED, DISPUTED, "drop", "sharpness", id="disputed and blurred"),
    ],
)
def test_the_verdict_on_a_mask(
    crop: object, channel: str | None, verdict: str, reason: str | None
) -> None:
    (judged,) = judge_source([crop], SOURCE, BOUNDS, {GOOD.crop_id})  # type: ignore[list-item]
    settled = settle_by_people(judged, SOURCE, BOUNDS, channel)
    assert (settled.verdict, settled.reason) == (verdict, reason)
    again = rejudge([settled], SOURCE, BOUNDS, {GOOD.crop_id: channel})
    assert again.crops == [settled]


def test_the_measures_stay_as_they_are() -> None:
    (judged,) = judge_source([DOUBTFUL], SOURCE, BOUNDS, {GOOD.crop_id})
    settled = settle_by_people(judged, SOURCE, BOUNDS, HUMAN)
    assert replace(settled, measures={}) != replace(judged, measures={})
    assert settled.measures == judged.measures


def test_the_rules_that_doubt_masks_need_one() -> None:
    assert all(RULES[name].needs_mask for name in MASK_DOUBTS & RULES.keys())


@pytest.mark.parametrize(
    ("channel", "facts"),
    [
        pytest.param(human_channel(["ps"]), (True, False, False), id="one person"),
        pytest.param(human_channel(["ps", "cvat"], 2), (True, True, False), id="two agree"),
        pytest.param(DISPUTED, (True, False, True), id="disputed"),
        pytest.param("rembg u2netp", (False, False, False), id="a model"),
        pytest.param(None, (False, False, False), id="not given"),
    ],
)
def test_a_channel_says_who_drew_the_mask(
    channel: str | None, facts: tuple[bool, bool, bool]
) -> None:
    assert (is_human(channel), is_agreed(channel), is_disputed(channel)) == facts
