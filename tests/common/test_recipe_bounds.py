"""The bounds of a recipe's rules: which are possible, and what is said of the others."""

import math
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tasks.common.bounds import MEASURED_RULES, Bounds, RuleBounds
from tasks.common.errors import InputError
from tasks.common.recipe import load_recipe
from tests.common.builders import changed

ORDER = ("min", "review_min", "review_max", "max")


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


@pytest.mark.parametrize("rule", MEASURED_RULES)
def test_a_minimum_over_the_maximum_is_refused_whatever_the_rule(rule: str, tmp_path: Path) -> None:
    said = _refusal(tmp_path, f"filter.{rule}", {"min": 1.0, "max": 0.9} if rule in SHARES else {"min": 3, "max": 2})  # fmt: skip
    assert f"filter.{rule} = " in said
    assert "bounds must rise in the order min, review_min, review_max, max" in said


@pytest.mark.parametrize(("lower", "upper"), list(combinations(ORDER, 2)))
class TestTwoBounds:
    def test_they_are_refused_when_they_fall(self, lower: str, upper: str, tmp_path: Path) -> None:
        said = _refusal(tmp_path, "filter.sharpness", {lower: 0.6, upper: 0.4})
        assert "filter.sharpness = " in said
        assert "must rise" in said

    @pytest.mark.parametrize("high", [0.4, 0.6], ids=["equal", "rising"])
    def test_they_are_taken_when_they_do_not(
        self, lower: str, upper: str, high: float, tmp_path: Path
    ) -> None:
        path = _written(tmp_path, "filter.sharpness", {lower: 0.4, upper: high})
        bounds = load_recipe(path).filter.of("sharpness")
        assert (getattr(bounds, lower), getattr(bounds, upper)) == (0.4, high)
