"""Recipes: what loads, what is refused at the door, and what the digest depends on."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe, load_recipe
from tests.common.builders import changed, recipe_values


def _load(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(str(path))


def _refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as refused:
        _load(tmp_path, text)
    return str(refused.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "holds NoneType, expected keys and values" in _refusal(tmp_path, "")


def test_a_list_is_refused(tmp_path: Path) -> None:
    assert "holds list, expected keys and values" in _refusal(tmp_path, "- name: small\n")


def test_text_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    assert "is not valid YAML" in _refusal(tmp_path, "name: [small\n")


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(InputError, match="There is no recipe"):
        load_recipe(str(path))


def test_an_unknown_name_is_refused_with_the_names_that_come_with_the_project() -> None:
    known = "'pepole': expected one of demo, local, people, or the path"
    with pytest.raises(InputError, match=known):
        load_recipe("pepole")


@pytest.mark.parametrize("name", ["demo", "local", "people"])
def test_a_recipe_of_the_project_loads_under_its_own_name(name: str) -> None:
    assert load_recipe(name).name == name


def test_every_recipe_of_the_project_loads() -> None:
    folder = Path(__file__).parents[2] / "deployments" / "recipes"
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    assert [load_recipe(name).name for name in names] == names


def test_the_subset_is_named_by_date_and_note(tmp_path: Path) -> None:
    recipe = _load(tmp_path, yaml.safe_dump(recipe_values()))
    assert recipe.publish.name == "CustomSeg_Person_20261122_small"


REFUSED: list[Any] = [
    pytest.param("detect.model", "yolo99", "Known: fall-yolov8s, yolo11n, yolo11s", id="detector"),
    pytest.param("detect.model", "u2netp", "Known: fall-yolov8s", id="model of another role"),
    pytest.param("matte.model", "u3net", "u2netp", id="matting model"),
    pytest.param("sample.mode", "sometimes", "'auto', 'keyframes' or 'all'", id="no such mode"),
    pytest.param("sample.every_s", "often", "valid number", id="text for a number"),
    pytest.param("sample.every_s", 0, "greater than or equal to 0.01", id="no time between frames"),
    pytest.param("sample.every_s", -1.0, "greater than or equal to 0.01", id="time runs backwards"),
    pytest.param("sample.max_frames", 0, "greater than 0", id="no frames"),
    pytest.param("sample.max_frames", 1.5, "integer", id="half a frame"),
    pytest.param("detect.confidence", 1.01, "less than or equal to 1", id="share above one"),
    pytest.param("detect.input_px", 650, "multiple of 32", id="size no network takes"),
    pytest.param("matte.threshold", 0.0, "greater than 0", id="everything is person"),
    pytest.param("matte.threshold", 1.0, "less than 1", id="nothing is person"),
    pytest.param("publish.val_share", -0.1, "greater than or equal to 0", id="negative share"),
    pytest.param("publish.jpeg_quality", 101, "less than or equal to 100", id="quality over 100"),
    pytest.param("publish.note", "a/b", "pattern", id="note with a slash"),
    pytest.param("publish.note", "", "pattern", id="empty note"),
    pytest.param("publish.date", "2026-11-22", "yyyymmdd", id="date with dashes"),
    pytest.param("publish.date", "20261322", "yyyymmdd", id="thirteenth month"),
    pytest.param("publish.pin", {"a": "test"}, "'train' or 'val'", id="pin to no side"),
    pytest.param("filter.frame_cut", {"max": 1.5}, "less than or equal to 1", id="share bound"),
    pytest.param("filter.person_height_px", {"min": -1}, "greater than or", id="negative height"),
    pytest.param("filter.frame_cut", {"min": 0.2, "max": 0.1}, "must rise", id="min over max"),
    pytest.param(
        "filter.frame_cut", {"max": 0.1, "review_max": 0.2}, "must rise", id="review over max"
    ),
    pytest.param("filter.frame_cut", {}, "at least one of min, max", id="no bound"),
    pytest.param("filter.frame_cut.missing", "ignore", "'keep', 'review' or 'drop'", id="missing"),
    pytest.param("filter.excluded_scene", {"tags": []}, "at least 1 item", id="no tags"),
]


@pytest.mark.parametrize(("path", "value", "allowed"), REFUSED)
def test_an_impossible_value_is_refused_with_its_path_and_what_is_allowed(
    path: str, value: Any, allowed: str, tmp_path: Path
) -> None:
    refusal = _refusal(tmp_path, changed(path, value))
    assert path in refusal
    assert allowed in refusal


@pytest.mark.parametrize("value", [math.inf, math.nan], ids=["infinity", "not a number"])
@pytest.mark.parametrize(
    "path",
    [
        "download.max_duration_s",
        "sample.every_s",
        "sample.still_level",
        "detect.confidence",
        "detect.context",
        "matte.threshold",
        "publish.val_share",
    ],
)
def test_a_number_that_is_not_finite_is_refused(path: str, value: float, tmp_path: Path) -> None:
    assert path in _refusal(tmp_path, changed(path, value))


@pytest.mark.parametrize("path", ["sample.every_s", "sample.max_frames", "detect.max_people"])
def test_yes_is_not_a_number(path: str, tmp_path: Path) -> None:
    assert path in _refusal(tmp_path, changed(path, True))


def test_a_day_that_no_calendar_has_is_refused(tmp_path: Path) -> None:
    assert "publish.date" in _refusal(tmp_path, changed("publish.date", "20260231"))


@pytest.mark.parametrize(
    ("path", "sibling"),
    [
        pytest.param("smaple", "sample", id="top"),
        pytest.param("sample.evry_s", "every_s", id="part"),
        pytest.param("filter.frame_cutt", "frame_cut_mask", id="rule"),
        pytest.param("filter.frame_cut.maximum", "review_max", id="bound"),
    ],
)
class TestUnknownKey:
    def test_it_is_refused_with_its_path(self, path: str, sibling: str, tmp_path: Path) -> None:
        assert f"{path} = {{}}: unknown key" in _refusal(tmp_path, changed(path, {}))

    def test_the_refusal_lists_the_keys_that_are_known(
        self, path: str, sibling: str, tmp_path: Path
    ) -> None:
        assert sibling in _refusal(tmp_path, changed(path, {}))


def test_a_key_that_is_not_text_is_refused(tmp_path: Path) -> None:
    assert "7" in _refusal(tmp_path, yaml.safe_dump(recipe_values() | {7: "seven"}))


@pytest.mark.parametrize("part", ["name", "detect", "matte", "filter", "publish"])
def test_a_missing_part_is_named(part: str, tmp_path: Path) -> None:
    values = recipe_values()
    del values[part]
    assert f"{part}: this key is required" in _refusal(tmp_path, yaml.safe_dump(values))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    values = recipe_values() | {"smaple": {}, "detect": {"model": "yolo99"}}
    assert len(_refusal(tmp_path, yaml.safe_dump(values)).splitlines()) == 2


@pytest.mark.parametrize("part", ["download", "sample", "detect", "matte", "filter", "publish"])
def test_no_part_can_be_exchanged(part: str) -> None:
    recipe = load_recipe("demo")
    with pytest.raises(ValidationError, match="frozen"):
        setattr(recipe, part, None)


def test_no_value_can_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(load_recipe("demo").sample, "every_s", 9.0)  # noqa: B010 (mypy knows it is frozen)


def test_the_digest_does_not_depend_on_the_layout_of_the_file(tmp_path: Path) -> None:
    values = recipe_values()
    flow = yaml.safe_dump(values, default_flow_style=True)
    turned = "# a comment\n" + yaml.safe_dump(dict(reversed(values.items())), sort_keys=False)
    assert _load(tmp_path, turned).digest == _load(tmp_path, flow).digest


def test_the_digest_is_that_of_the_values_even_if_they_are_the_defaults(tmp_path: Path) -> None:
    plain = yaml.safe_dump(recipe_values())
    spelt_out = changed("publish.val_share", 0.1)
    assert _load(tmp_path, spelt_out).digest == _load(tmp_path, plain).digest


@pytest.mark.parametrize(
    ("path", "value"),
    [("sample.every_s", 2.0), ("filter.frame_cut.max", 0.2), ("publish.pin", {"a": "val"})],
)
def test_the_digest_changes_with_a_value(path: str, value: Any, tmp_path: Path) -> None:
    plain = yaml.safe_dump(recipe_values())
    assert _load(tmp_path, changed(path, value)).digest != _load(tmp_path, plain).digest
