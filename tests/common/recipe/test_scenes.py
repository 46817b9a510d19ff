"""Tags and phrases become scenes; a curator's word comes last."""

from typing import Any

import pytest

from tasks.common.recipe.models import load_recipe
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.records import Source
from tests.dataset.builders import source
from tests.dataset.trees import recipe

GROUPS: list[dict[str, Any]] = [
    {"id": "green", "zh": "绿", "en": "Green", "phrases": ["草地", "lawn"]},
    {"id": "ball", "zh": "球", "en": "Ball", "phrases": ["足球", "ball", "lay-up"]},
]


def scenes(line: Source, stem: str = "s-1", **changes: Any) -> tuple[str, ...]:
    return SceneFinder(recipe(**changes)).of(line, stem)


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        pytest.param("lawn", ("green",), id="the phrase itself"),
        pytest.param("LAWN", ("green",), id="other case"),
        pytest.param("on a lawn at noon", ("green",), id="in a sentence"),
        pytest.param("lawnmower", (), id="not in a longer word"),
        pytest.param("balloon", (), id="nor at its beginning"),
        pytest.param("Lay up", ("ball",), id="hyphen or space"),
        pytest.param("大草地上踢足球", ("green", "ball"), id="Chinese anywhere, two at once"),
        pytest.param("足球ball", ("ball",), id="Latin beside Chinese"),
        pytest.param("street", (), id="no group"),
    ],
)
def test_a_tag_stands_for_the_groups_whose_phrases_it_holds(
    tag: str, found: tuple[str, ...]
) -> None:
    assert scenes(source("s", scenes=(tag,)), scenes=GROUPS) == found


def test_without_groups_each_tag_is_a_scene() -> None:
    assert scenes(source("s", scenes=("b", "a", "b"))) == ("a", "b")


def test_without_tags_there_is_no_scene() -> None:
    assert scenes(source("s"), scenes=GROUPS) == ()


@pytest.mark.parametrize(
    ("overrides", "found"),
    [
        pytest.param([{"item": "s", "add": ["ball"]}], ("green", "ball"), id="source, added"),
        pytest.param([{"item": "s-1", "remove": ["green"]}], (), id="sample, removed"),
        pytest.param([{"item": "s-1", "scenes": ["ball"]}], ("ball",), id="sample, replaced"),
        pytest.param([{"item": "s-2", "scenes": ["ball"]}], ("green",), id="another sample"),
        pytest.param(
            [{"item": "s-1", "add": ["green"]}, {"item": "s", "scenes": []}],
            ("green",),
            id="the sample's word comes after the source's",
        ),
    ],
)
def test_a_curators_word_comes_last(
    overrides: list[dict[str, Any]], found: tuple[str, ...]
) -> None:
    line = source("s", scenes=("lawn",))
    assert scenes(line, scenes=GROUPS, scene_overrides=overrides) == found


def test_tags_and_overrides_that_mean_nothing_are_named() -> None:
    finder = SceneFinder(recipe(scenes=GROUPS, scene_overrides=[{"item": "x", "add": ["ball"]}]))
    assert finder.unmatched_tags([source("s", scenes=("lawn", "moon"))]) == ["moon"]
    assert finder.unmatched_overrides({"s", "s-1"}) == ["x"]


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("幼儿园操场", "children"), ("running in the park", "green"), ("街舞", "big-moves"),
        ("雪山", "landscape"), ("飞盘", "ball-games"), ("骑行头盔", "worn"), ("涂鸦墙", "walls"),
        ("不同肤色", "skin-colours"), ("后空翻", "somersaults"),
    ],
)  # fmt: skip
def test_the_teams_nine_groups_are_known_to_the_production_recipe(tag: str, found: str) -> None:
    finder = SceneFinder(load_recipe("people").publish)
    assert found in finder.groups_of(tag)
