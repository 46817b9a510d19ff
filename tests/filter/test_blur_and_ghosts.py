"""Real persons out of focus, smeared, doubled, smaller: the right rule fires, the other is calm.

The bounds are those of the shipped recipe. Shifts and blurs are shares of the person's height.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from tasks.common.recipe.bounds import ShareBounds
from tasks.common.recipe.models import load_recipe
from tasks.common.records import Verdict
from tasks.filter.rules import RULES
from tests.filter.builders import value_of
from tests.filter.pictures import PEOPLE, Shot, doubled, out_of_focus, scaled, shot, smeared

BOUNDS = load_recipe("demo").filter
EVERYBODY = sorted(PEOPLE)


class Measured(NamedTuple):
    value: float
    verdict: Verdict


class Both(NamedTuple):
    sharpness: Measured
    ghosting: Measured


def limits_of(rule: str) -> ShareBounds:
    limits = BOUNDS.of(rule)
    assert isinstance(limits, ShareBounds)
    return limits


def bound_of(rule: str, name: str) -> float:
    bound = getattr(limits_of(rule), name)
    assert isinstance(bound, float)
    return bound


def look(root: Path, taken: Shot) -> Both:
    subject = taken.subject(root)
    measured = []
    for name in Both._fields:
        value = value_of(RULES[name], subject)
        measured.append(Measured(value, RULES[name].judge(value, limits_of(name)).verdict))
    return Both(*measured)


@pytest.mark.parametrize("person", EVERYBODY)
def test_an_undamaged_person_is_sharp_and_single(tmp_path: Path, person: str) -> None:
    seen = look(tmp_path, shot(person))
    assert (seen.sharpness.verdict, seen.ghosting.verdict) == ("keep", "keep")
    assert seen.sharpness.value > 0.65
    assert seen.ghosting.value < 0.04


@pytest.mark.parametrize("person", EVERYBODY)
@pytest.mark.parametrize("times", [0.5, 0.34], ids=["half", "a third"])
def test_the_resolution_changes_neither_by_much(tmp_path: Path, person: str, times: float) -> None:
    whole, other = look(tmp_path, shot(person)), look(tmp_path, scaled(shot(person), times))
    assert other.sharpness.value == pytest.approx(whole.sharpness.value, rel=0.06)
    assert other.ghosting.value == pytest.approx(whole.ghosting.value, abs=0.005)


@pytest.mark.parametrize("person", EVERYBODY)
def test_a_person_out_of_focus_is_dropped_as_blurred_and_not_as_doubled(
    tmp_path: Path, person: str
) -> None:
    taken = shot(person)
    seen = look(tmp_path, taken.showing(out_of_focus(taken.rgb, 0.015 * taken.height_px)))
    assert (seen.sharpness.verdict, seen.ghosting.verdict) == ("drop", "keep")
    assert seen.sharpness.value < 0.9 * bound_of("sharpness", "min")
    assert seen.ghosting.value < 0.75 * bound_of("ghosting", "review_max")


@pytest.mark.parametrize("person", EVERYBODY)
def test_twice_as_far_out_of_focus_half_of_that_sharpness_is_left(
    tmp_path: Path, person: str
) -> None:
    taken = shot(person)
    once, twice = (
        look(tmp_path, taken.showing(out_of_focus(taken.rgb, share * taken.height_px))).sharpness
        for share in (0.015, 0.03)
    )
    assert twice.verdict == "drop"
    assert twice.value < 0.6 * once.value


@pytest.mark.parametrize("person", EVERYBODY)
@pytest.mark.parametrize("weight", [0.3, 0.5])
@pytest.mark.parametrize("shift", [0.06, 0.12])
def test_a_double_exposure_is_dropped_as_doubled_and_not_as_blurred(
    tmp_path: Path, person: str, shift: float, weight: float
) -> None:
    taken = shot(person)
    seen = look(tmp_path, taken.showing(doubled(taken.rgb, shift * taken.height_px, weight)))
    assert (seen.sharpness.verdict, seen.ghosting.verdict) == ("keep", "drop")
    assert seen.sharpness.value > 1.2 * bound_of("sharpness", "review_min")
    assert seen.ghosting.value > 1.2 * bound_of("ghosting", "max")


@pytest.mark.parametrize("person", ["astronaut", "dark coat", "light coat"])
def test_a_copy_farther_off_is_a_second_person_and_no_ghost(tmp_path: Path, person: str) -> None:
    taken = shot(person)
    seen = look(tmp_path, taken.showing(doubled(taken.rgb, 0.3 * taken.height_px, 0.5)))
    assert seen.ghosting.value < 0.75 * bound_of("ghosting", "review_max")


@pytest.mark.parametrize("person", ["astronaut", "dark coat"])
def test_a_stronger_copy_is_a_stronger_ghost(tmp_path: Path, person: str) -> None:
    taken = shot(person)
    values = [
        look(tmp_path, taken.showing(doubled(taken.rgb, 0.06 * taken.height_px, weight)))
        .ghosting.value
        for weight in (0.0, 0.15, 0.3, 0.5)
    ]  # fmt: skip
    assert values == sorted(values)
    assert values[3] > 1.6 * values[2] > 2 * values[0]


@pytest.mark.parametrize("person", ["astronaut", "dark coat", "light coat"])
@pytest.mark.parametrize("angle_deg", [45, 135])
def test_a_person_smeared_across_the_picture_does_not_pass_as_sharp(
    tmp_path: Path, person: str, angle_deg: float
) -> None:
    taken = shot(person)
    length_px = 0.08 * taken.height_px
    smear = look(tmp_path, taken.showing(smeared(taken.rgb, length_px, angle_deg))).sharpness
    assert smear.verdict in {"review", "drop"}
    assert smear.value < 0.7 * look(tmp_path, taken).sharpness.value
