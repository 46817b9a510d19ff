"""Of nearly equal crops of one source the better one is kept."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Verdict
from tasks.common.schema.rows import JudgedCrop, MeasuredCrop
from tasks.common.similarity.picture_hash import hash_picture
from tasks.filter.judge import judge_source
from tests.filter.builders import GOOD, SOURCE, Picture, bounds_of, remeasured
from tests.filter.pictures import PEOPLE, out_of_focus, shot
from tests.filter.strategies import NEAR, measured_crops, rule_bounds

Change = Callable[[Picture], Picture]
Hashes = tuple[str, str]  # of a picture and of its mirror image
FAR = "ffffffffffffffff"  # as a mirror image's hash: 64 bits off every hash below
SEVEN = bounds_of(near_duplicate={"min": 7})


def bits(n: int) -> str:
    """Return a hash with the lowest `n` bits set."""
    return f"{(1 << n) - 1:016x}"


def crop(name: str, n_bits: int, **measures: float | None) -> MeasuredCrop:
    good = replace(GOOD, crop_id=name, hash=bits(n_bits), mirror_hash=FAR)
    return remeasured(good, measures)


def judged(bounds: RuleBounds, *crops: MeasuredCrop) -> dict[str, JudgedCrop]:
    return {crop.crop_id: crop for crop in judge_source(crops, SOURCE, bounds)}


def kept(bounds: RuleBounds, *crops: MeasuredCrop) -> list[str]:
    return [name for name, crop in judged(bounds, *crops).items() if crop.verdict == "keep"]


def distance_of(crop: JudgedCrop) -> float | None:
    """Return what the rule measured: the bits to the nearest better crop."""
    return crop.measures[NEAR]


def test_a_single_crop_has_no_better_one_and_is_64_bits_off() -> None:
    single = judged(SEVEN, crop("a", 0))["a"]
    assert (single.verdict, distance_of(single), single.nearest_crop) == ("keep", 64.0, None)


def test_without_bounds_all_are_kept_but_told_how_near_they_are() -> None:
    rows = judged(RuleBounds(), crop("a", 0), crop("b", 3), crop("c", 5))
    assert [row.verdict for row in rows.values()] == ["keep"] * 3
    assert [distance_of(row) for row in rows.values()] == [64.0, 3.0, 2.0]
    assert [row.nearest_crop for row in rows.values()] == [None, "a", "b"]


@pytest.mark.parametrize(
    ("first", "second", "better"),
    [
        pytest.param({"frame_cut": 0.2}, {"frame_cut": 0.1}, "second", id="less cut"),
        pytest.param({"sharpness": 0.6}, {"sharpness": 0.7}, "second", id="sharper"),
        pytest.param(
            {"frame_cut": 0.1, "sharpness": 0.5},
            {"frame_cut": 0.2, "sharpness": 0.9},
            "first",
            id="less cut goes before sharper",
        ),
        pytest.param({}, {}, "first", id="the first name of equal ones"),
    ],
)
def test_of_nearly_equal_crops_the_better_one_is_kept(
    first: dict[str, float], second: dict[str, float], better: str
) -> None:
    assert kept(SEVEN, crop("first", 0, **first), crop("second", 2, **second)) == [better]


@pytest.mark.parametrize(
    ("distance", "limits", "verdict"),
    [
        pytest.param(0, {"min": 7}, "drop", id="the same picture"),
        pytest.param(6, {"min": 7}, "drop", id="a bit below the bound"),
        pytest.param(7, {"min": 7}, "keep", id="the bound itself"),
        pytest.param(6, {"min": 6.5}, "drop", id="below a bound between bits"),
        pytest.param(7, {"min": 6.5}, "keep", id="above a bound between bits"),
        pytest.param(0, {"min": 0}, "keep", id="no distance asked for"),
        pytest.param(8, {"min": 7, "review_min": 10}, "review", id="in the band"),
        pytest.param(8, {"review_min": 10}, "review", id="review alone"),
        pytest.param(63, {"min": 64}, "drop", id="everything but the opposite"),
    ],
)
def test_the_distance_is_held_against_its_bound(
    distance: int, limits: dict[str, float], verdict: Verdict
) -> None:
    rows = judged(bounds_of(near_duplicate=limits), crop("a", 0), crop("b", distance))
    assert (rows["a"].verdict, rows["b"].verdict) == ("keep", verdict)
    assert distance_of(rows["b"]) == distance


def test_a_mirror_image_counts_as_the_same() -> None:
    turned = replace(crop("b", 60), mirror_hash=bits(1))
    rows = judged(SEVEN, crop("a", 0), turned)
    assert (rows["b"].reason, distance_of(rows["b"])) == (NEAR, 1.0)


def test_the_sentence_names_the_other_crop() -> None:
    worse = judged(SEVEN, crop("a", 0), crop("b", 3))["b"]
    assert (worse.value, worse.bound, worse.nearest_crop) == (3.0, 7.0, "a")
    assert worse.sentence == (
        "A better crop differs in 3 of 64 bits only; the bound is 7. It is a."
    )


def test_the_nearest_of_several_better_crops_is_named() -> None:
    best = {"sharpness": 0.9}
    rows = judged(SEVEN, crop("a", 0, **best), crop("b", 20, **best), crop("c", 17))
    assert (rows["c"].nearest_crop, distance_of(rows["c"])) == ("b", 3.0)


def test_a_chain_of_small_steps_is_cut_where_it_leaves_the_kept_one() -> None:
    steps = [crop(name, 5 * number) for number, name in enumerate("abcde")]
    assert kept(SEVEN, *steps) == ["a", "c", "e"]


def test_a_bound_between_bits_cuts_a_chain_where_it_drops() -> None:
    steps = [crop(name, 6 * number) for number, name in enumerate("abc")]
    assert kept(bounds_of(near_duplicate={"min": 6.5}), *steps) == ["a", "c"]


@pytest.mark.parametrize("rule", ["sharpness", "person_height_px", "exposure"])
def test_a_crop_that_another_rule_drops_neither_is_compared_nor_counts(rule: str) -> None:
    bad = {"sharpness": 0.1, "person_height_px": 10.0, "exposure": 1.0}[rule]
    limits = {"max": 0.5} if rule == "exposure" else {"min": 0.2}
    if rule == "person_height_px":
        limits = {"min": 80}
    bounds = bounds_of(near_duplicate={"min": 7}, **{rule: limits})
    rows = judged(bounds, crop("a", 0, **{rule: bad}), crop("b", 0))
    assert (rows["b"].verdict, distance_of(rows["b"])) == ("keep", 64.0)
    assert (distance_of(rows["a"]), rows["a"].nearest_crop) == (None, None)
    assert rows["a"].failed_rules == (rule,)


def test_a_better_crop_for_review_displaces_no_kept_one() -> None:
    bounds = bounds_of(near_duplicate={"min": 7}, detector_confidence={"review_min": 0.5})
    doubtful = crop("a", 0, detector_confidence=0.4, sharpness=0.9)
    rows = judged(bounds, doubtful, crop("b", 1, sharpness=0.6))
    assert (rows["b"].verdict, distance_of(rows["b"])) == ("keep", 64.0)
    assert (rows["a"].verdict, rows["a"].reason) == ("drop", NEAR)
    assert rows["a"].failed_rules == ("detector_confidence", NEAR)


def test_of_two_crops_for_review_one_is_left() -> None:
    bounds = bounds_of(near_duplicate={"min": 7}, detector_confidence={"review_min": 0.5})
    rows = judged(bounds, *(crop(name, 0, detector_confidence=0.4) for name in "ab"))
    assert [row.verdict for row in rows.values()] == ["review", "drop"]


def test_what_the_mask_rules_will_say_does_not_change_which_one_is_kept() -> None:
    bounds = bounds_of(near_duplicate={"min": 7}, subject_share={"min": 0.3})
    crops = [crop("a", 0, subject_share=0.1), crop("b", 1)]
    verdicts = judge_source(crops, SOURCE, bounds, matted={"a"})
    assert [verdict.reason for verdict in verdicts] == ["subject_share", NEAR]


def apart(hashes: Hashes, others: Hashes) -> int:
    return min((int(own, 16) ^ int(others[0], 16)).bit_count() for own in hashes)


def hashes_of(crop: JudgedCrop) -> Hashes:
    assert crop.hash is not None
    assert crop.mirror_hash is not None
    return crop.hash, crop.mirror_hash


@settings(max_examples=50)
@given(crops=measured_crops(max_size=7), bounds=rule_bounds())
def test_no_two_kept_crops_are_nearer_than_the_bound_and_each_dropped_one_has_a_kept_neighbour(
    crops: list[MeasuredCrop], bounds: RuleBounds
) -> None:
    bounds = bounds.model_copy(update={NEAR: SEVEN.near_duplicate})
    verdicts = judged(bounds, *crops)
    compared = [crop for crop in verdicts.values() if distance_of(crop) is not None]
    left = [crop for crop in compared if NEAR not in crop.failed_rules]
    for first, second in combinations(map(hashes_of, left), 2):
        assert max(apart(first, second), apart(second, first)) >= 7
    for crop in compared:
        if NEAR in crop.failed_rules:
            assert crop.nearest_crop is not None
            neighbour = verdicts[crop.nearest_crop]
            assert neighbour in left
            distance = apart(hashes_of(crop), hashes_of(neighbour))
            assert distance == distance_of(crop)
            assert distance < 7


@pytest.mark.parametrize(
    ("changed", "most"),
    [
        pytest.param(lambda rgb: rgb, 0, id="itself"),
        pytest.param(lambda rgb: rgb[:, ::-1], 0, id="mirrored"),
        pytest.param(lambda rgb: out_of_focus(rgb, 2), 2, id="blurred"),
        pytest.param(lambda rgb: (rgb * 0.6).astype(np.uint8), 2, id="darker"),
        pytest.param(lambda rgb: rgb[3:, 3:], 6, id="three px off"),
    ],
)
def test_a_real_picture_is_near_to_what_becomes_of_it(changed: Change, most: int) -> None:
    rgb = shot("astronaut").rgb
    hashes, others = (
        hash_picture(np.ascontiguousarray(picture)) for picture in (rgb, changed(rgb))
    )
    assert apart(hashes, others) <= most


def test_pictures_of_different_people_are_far_apart() -> None:
    hashes = [hash_picture(shot(person).rgb) for person in PEOPLE]
    assert min(apart(*pair) for pair in combinations(hashes, 2)) >= 12
