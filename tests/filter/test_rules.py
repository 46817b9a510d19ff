"""What holds of all rules alike, and that no value slips past a bound by not being a number."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.schema.columns import columns_of
from tasks.common.schema.rows import JudgedCrop, MeasuredCrop
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.filter.measure import _finite, measure_subject
from tasks.filter.rules import RULES, excluded_scene, licence
from tasks.filter.subject import Subject
from tests.filter.builders import make_pose, make_subject, mask_of, plain_picture

WITH_MASK = [name for name, rule in RULES.items() if rule.needs_mask]
# Of an empty mask the other two know that it fills nothing and covers no joint.
ON_PERSON = sorted(set(WITH_MASK) - {"subject_share", "keypoints_in_mask"})


def measure_by(rule: str, subject: Subject) -> float | None:
    measure = RULES[rule].measure
    assert measure is not None
    return measure(subject)


def test_every_rule_has_a_bound_in_the_recipe_and_every_bound_a_rule() -> None:
    assert {*RULES, excluded_scene.NAME, licence.NAME} == set(RuleBounds.model_fields)


def test_every_rule_has_a_column_in_the_tables() -> None:
    assert set(RULES) <= set(columns_of(MeasuredCrop)) <= set(columns_of(JudgedCrop))


def test_rules_are_told_in_the_order_of_the_recipe() -> None:
    assert tuple(RULES) == MEASURED_RULES


@pytest.mark.parametrize("name", RULES)
def test_a_rule_goes_by_one_name_and_serves_a_point_of_the_description(name: str) -> None:
    assert RULES[name].name == name
    assert all(point.startswith("S") and point[1:].isdecimal() for point in RULES[name].serves)
    assert len(RULES[name].serves) > 0


@pytest.mark.parametrize("rule", WITH_MASK)
def test_a_rule_that_needs_a_mask_measures_nothing_without_one(tmp_path: Path, rule: str) -> None:
    pose = make_pose(tmp_path, mask=mask_of((0, 0, 100, 100)) * 255)
    assert measure_by(rule, make_subject(tmp_path, pose=pose)) is None


@pytest.mark.parametrize("rule", ON_PERSON)
def test_an_empty_mask_is_not_measurable_rather_than_perfect(tmp_path: Path, rule: str) -> None:
    pose = make_pose(tmp_path, mask=mask_of((0, 0, 100, 100)) * 255)
    assert measure_by(rule, make_subject(tmp_path, mask=mask_of(), pose=pose)) is None


@pytest.mark.parametrize("level", [0, 255], ids=["black", "white"])
@pytest.mark.parametrize("rule", ["sharpness", "ghosting"])
def test_a_picture_without_edges_is_neither_crisp_nor_doubled(
    tmp_path: Path, rule: str, level: int
) -> None:
    assert measure_by(rule, make_subject(tmp_path, rgb=plain_picture(level))) is None


@pytest.mark.parametrize("needs_mask", [False, True], ids=["before matting", "after matting"])
def test_a_crop_of_one_pixel_is_measured_by_every_rule(tmp_path: Path, needs_mask: bool) -> None:
    one = np.full((1, 1, 3), 90, np.uint8)
    full = np.ones((1, 1), np.uint8)
    subject = make_subject(tmp_path, frame_wh=(1, 1), person=(0, 0, 1, 1), rgb=one, mask=full)
    values = measure_subject(subject, needs_mask=needs_mask)
    by_mask: dict[bool, dict[str, float | None]] = {
        False: {"person_height_px": 1.0, "frame_cut": 1.0, "person_overlap": 0.0, "exposure": 0.0},
        True: {"mask_whole": 1.0, "subject_share": 1.0, "frame_cut_mask": 1.0, "contrast": None},
    }
    expected = by_mask[needs_mask]
    assert {name: values[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(None, None, id="missing"),
        pytest.param(math.nan, None, id="no number"),
        pytest.param(math.inf, None, id="without end"),
        pytest.param(-math.inf, None, id="without beginning"),
        pytest.param(np.float32("nan"), None, id="no number, of 32 bits"),
        pytest.param(0.0, 0.0, id="nothing is a value"),
        pytest.param(0, 0.0, id="whole numbers too"),
        pytest.param(1 / 3, 0.333333, id="six digits"),
    ],
)
def test_what_is_no_number_is_told_as_missing(
    tmp_path: Path, value: float | None, told: float | None
) -> None:
    assert _finite(lambda _: value, make_subject(tmp_path)) == told


def test_a_rule_that_answers_nan_leaves_its_column_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(RULES["sharpness"], measure=lambda _: math.nan)
    monkeypatch.setitem(RULES, "sharpness", broken)
    values = measure_subject(make_subject(tmp_path), needs_mask=False)
    assert (values["sharpness"], values["exposure"]) == (None, 1.0)
