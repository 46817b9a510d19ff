"""The bounds of a recipe's rules: which are possible, and what is said of the others."""

import math
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import load_recipe
from tasks.common.schema.rule_names import MEASURED_RULES
from tests.common.builders import changed

ORDER = ("min", "review_min", "review_max", "max")

each_unit = pytest.mark.parametrize(
    ("rule", "least", "greatest"),
    [
        pytest.param("frame_cut", 0.0, 1.0, id="share"),
        pytest.param("person_height_px", 0.0, 100_000.0, id="pixels"),
        pytest.param("distortion", 1.0, 100.0, id="ratio"),
        pytest.param("contrast", 0.0, 400.0, id="colour difference"),
    ],
)


def _written(tmp_path: Path, path: str, value: Any) -> str:
    file = tmp_path / "recipe.yaml"
    file.write_text(changed(path, value), encoding="utf-8")
    return str(file)


def _refusal(tmp_path: Path, path: str, value: Any) -> str:
    with pytest.raises(InputError) as refused:
        load_recipe(_written(tmp_path, path, value))
    return str(refused.value)


@pytest.mark.parametrize("rule", MEASURED_RULES)
def test_no_bound_at_all_is_refused(rule: str, tmp_path: Path) -> None:
    said = _refusal(tmp_path, f"filter.{rule}", {"missing": "keep"})
    assert f"filter.{rule} = " in said
    assert "at least one of min, max, review_min, review_max is needed" in said


@each_unit
class TestUnit:
    @pytest.mark.parametrize("name", ORDER)
    def test_its_extremes_are_possible(
        self, rule: str, least: float, greatest: float, name: str, tmp_path: Path
    ) -> None:
        for extreme in (least, greatest):
            recipe = load_recipe(_written(tmp_path, f"filter.{rule}", {name: extreme}))
            assert getattr(recipe.filter.of(rule), name) == extreme

    @pytest.mark.parametrize("name", ORDER)
    def test_less_than_the_least_is_refused_with_its_path(
        self, rule: str, least: float, greatest: float, name: str, tmp_path: Path
    ) -> None:
        said = _refusal(tmp_path, f"filter.{rule}", {name: least - 0.5})
        assert f"filter.{rule}.{name} = {least - 0.5}: " in said
        assert f"greater than or equal to {least:g}" in said

    @pytest.mark.parametrize("name", ORDER)
    def test_more_than_the_greatest_is_refused_with_its_path(
        self, rule: str, least: float, greatest: float, name: str, tmp_path: Path
    ) -> None:
        said = _refusal(tmp_path, f"filter.{rule}", {name: greatest + 0.5})
        assert f"filter.{rule}.{name} = {greatest + 0.5}: " in said
        assert f"less than or equal to {greatest:g}" in said

    @pytest.mark.parametrize("value", [math.inf, math.nan], ids=["infinity", "not a number"])
    def test_a_number_that_is_not_finite_is_refused(
        self, rule: str, least: float, greatest: float, value: float, tmp_path: Path
    ) -> None:
        assert f"filter.{rule}.max" in _refusal(tmp_path, f"filter.{rule}", {"max": value})

    @pytest.mark.parametrize(("lower", "upper"), list(combinations(ORDER, 2)))
    def test_bounds_that_fall_are_refused_with_the_path_of_the_rule(
        self, rule: str, least: float, greatest: float, lower: str, upper: str, tmp_path: Path
    ) -> None:
        said = _refusal(tmp_path, f"filter.{rule}", {lower: greatest, upper: least})
        assert f"filter.{rule} = " in said
        assert "bounds must rise in the order min, review_min, review_max, max" in said

    @pytest.mark.parametrize(("lower", "upper"), list(combinations(ORDER, 2)))
    def test_bounds_that_are_equal_are_possible(
        self, rule: str, least: float, greatest: float, lower: str, upper: str, tmp_path: Path
    ) -> None:
        recipe = load_recipe(_written(tmp_path, f"filter.{rule}", {lower: least, upper: least}))
        bounds = recipe.filter.of(rule)
        assert (getattr(bounds, lower), getattr(bounds, upper)) == (least, least)


def test_four_bounds_that_rise_are_taken_as_they_are(tmp_path: Path) -> None:
    given = {"min": 0.1, "review_min": 0.2, "review_max": 0.8, "max": 0.9}
    bounds = load_recipe(_written(tmp_path, "filter.subject_share", given)).filter.of(
        "subject_share"
    )
    assert bounds is not None
    assert bounds.model_dump() == given | {"missing": "drop"}


def test_a_rule_without_an_entry_has_no_bounds(tmp_path: Path) -> None:
    recipe = load_recipe(_written(tmp_path, "filter", {}))
    assert {recipe.filter.of(rule) for rule in RuleBounds.model_fields} == {None}


def test_an_unknown_rule_is_refused_with_the_names_of_all_rules(tmp_path: Path) -> None:
    said = _refusal(tmp_path, "filter.sharpnes", {"min": 0.1})
    assert "filter.sharpnes = {'min': 0.1}: unknown key; known keys: " in said
    assert said.split("known keys: ")[1].split(", ") == sorted(RuleBounds.model_fields)


@pytest.mark.parametrize(("rule", "entries"), [("excluded_scene", "tags"), ("licence", "allowed")])
class TestListOfNames:
    def test_an_empty_one_is_refused(self, rule: str, entries: str, tmp_path: Path) -> None:
        said = _refusal(tmp_path, f"filter.{rule}", {entries: []})
        assert f"filter.{rule}.{entries} = []: " in said
        assert "at least 1 item" in said

    def test_a_missing_one_is_refused(self, rule: str, entries: str, tmp_path: Path) -> None:
        said = _refusal(tmp_path, f"filter.{rule}", {"missing": "review"})
        assert f"filter.{rule}.{entries}: this key is required" in said

    def test_a_name_that_is_not_in_a_list_is_refused(
        self, rule: str, entries: str, tmp_path: Path
    ) -> None:
        said = _refusal(tmp_path, f"filter.{rule}", {entries: "CC0-1.0"})
        assert f"filter.{rule}.{entries} = 'CC0-1.0': " in said

    def test_one_entry_is_enough(self, rule: str, entries: str, tmp_path: Path) -> None:
        recipe = load_recipe(_written(tmp_path, f"filter.{rule}", {entries: ["CC0-1.0"]}))
        assert getattr(recipe.filter.of(rule), entries) == ("CC0-1.0",)

    def test_a_bound_is_not_known_there(self, rule: str, entries: str, tmp_path: Path) -> None:
        said = _refusal(tmp_path, f"filter.{rule}", {entries: ["CC0-1.0"], "max": 0.5})
        assert f"filter.{rule}.max = 0.5: unknown key" in said
        assert f"known keys: {', '.join(sorted([entries, 'missing']))}" in said


@pytest.mark.parametrize("name", ["max", "review_max"])
def test_no_picture_is_too_different_from_the_others(name: str, tmp_path: Path) -> None:
    said = _refusal(tmp_path, "filter.near_duplicate", {"min": 5, name: 20})
    assert f"filter.near_duplicate.{name} = 20: no upper bound is possible" in said


@pytest.mark.parametrize(
    ("limits", "wrong"),
    [
        pytest.param({"min": -1}, "min = -1", id="less than none"),
        pytest.param({"min": 65}, "min = 65", id="more than all"),
        pytest.param({"min": 9, "review_min": 7}, "must rise", id="the wrong way round"),
    ],
)
def test_bits_have_bounds_too(limits: dict[str, int], wrong: str, tmp_path: Path) -> None:
    assert wrong in _refusal(tmp_path, "filter.near_duplicate", limits)
