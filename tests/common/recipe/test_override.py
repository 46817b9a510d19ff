"""Single values of a recipe changed by hand, its comments and order untouched."""

import difflib
import re
from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.recipe.models import load_recipe, read_recipe_text
from tasks.common.recipe.override import override_recipe

RECIPE = """\
# At the top.
name: small
detect: {model: fall-yolov8s, confidence: 0.3}
matte: {model: u2netp}
filter: # Rules.
  frame_cut: {max: 0.5} # portraits may be cut
  # Between two rules.
  sharpness:
    min: 0.4 # below it nothing is seen
    review_min: 0.5
publish:
  date: '20261122'
  note: small
  pin: {street: val}
# At the end.
"""


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE)
    return str(path)


def _changed_lines(before: str, after: str) -> list[list[str]]:
    """Return the lines that went and those that came, without indents and comments."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return [
        [line[2:].partition(" #")[0].strip() for line in lines if line[0] == sign] for sign in "-+"
    ]


@pytest.mark.parametrize("name", ["demo", "people"])
def test_without_changes_the_text_is_the_files_own(name: str) -> None:
    assert override_recipe(name, []) == (load_recipe(name), read_recipe_text(name))


@pytest.mark.parametrize(
    ("change", "gone", "come"),
    [
        pytest.param("sharpness.min=0.3", ["min: 0.4"], ["min: 0.3"], id="in a block"),
        pytest.param(" sharpness.min = 0.3", ["min: 0.4"], ["min: 0.3"], id="spaces"),
        pytest.param("filter.sharpness.min=0.3", ["min: 0.4"], ["min: 0.3"], id="whole path"),
        pytest.param(
            "frame_cut.max=0.4",
            ["frame_cut: {max: 0.5}"],
            ["frame_cut: {max: 0.4}"],
            id="between braces",
        ),
        pytest.param("publish.note=large", ["note: small"], ['note: "large"'], id="another part"),
        pytest.param("publish.val_share=0.5", [], ["val_share: 0.5"], id="new value"),
        pytest.param("exposure.max=0.6", [], ["exposure:", "max: 0.6"], id="new rule"),
        pytest.param("sample.every_s=2", [], ["sample:", "every_s: 2"], id="new part"),
        pytest.param("sharpness.review_min=null", ["review_min: 0.5"], [], id="null for a value"),
        pytest.param(
            "sharpness=null",
            ["sharpness:", "min: 0.4", "review_min: 0.5"],
            [],
            id="null for a rule",
        ),
    ],
)
def test_a_change_touches_its_own_lines_alone(
    change: str, gone: list[str], come: list[str], recipe: str
) -> None:
    _, text = override_recipe(recipe, [change])
    assert _changed_lines(RECIPE, text) == [gone, come]


def _comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


@pytest.mark.parametrize(
    "change",
    ["sharpness.min=0.3", "frame_cut.max=0.4", "publish.val_share=0.5", "exposure.max=0.6"],
)
def test_all_comments_stay(change: str, recipe: str) -> None:
    _, text = override_recipe(recipe, [change])
    assert _comments(text) == _comments(RECIPE)


def test_the_recipe_is_the_one_that_its_text_says(recipe: str, tmp_path: Path) -> None:
    made, text = override_recipe(recipe, ["filter.sharpness.min=0.3", "publish.val_share=0.5"])
    (tmp_path / "saved.yaml").write_text(text)
    assert made == load_recipe(str(tmp_path / "saved.yaml"))
    assert made.filter.sharpness is not None
    assert (made.filter.sharpness.min, made.publish.val_share) == (0.3, 0.5)


def test_nothing_else_changes(recipe: str) -> None:
    before = load_recipe(recipe)
    made, _ = override_recipe(recipe, ["publish.val_share=0.5"])
    published = before.publish.model_copy(update={"val_share": 0.5})
    assert made == before.model_copy(update={"publish": published})


def test_the_later_of_two_changes_holds(recipe: str) -> None:
    made, _ = override_recipe(recipe, ["sharpness.min=0.3", "sharpness.min=0.2"])
    assert made.filter.sharpness is not None
    assert made.filter.sharpness.min == 0.2


def test_a_rule_may_come_back_after_it_was_taken_out(recipe: str) -> None:
    made, _ = override_recipe(recipe, ["sharpness=null", "sharpness.max=0.9"])
    assert made.filter.sharpness is not None
    assert (made.filter.sharpness.min, made.filter.sharpness.max) == (None, 0.9)


def test_a_value_may_be_a_list_or_keys(recipe: str) -> None:
    changes = ["excluded_scene.tags=[pool, beach]", "publish.pin={cafe: train}"]
    made, _ = override_recipe(recipe, changes)
    assert made.filter.excluded_scene is not None
    assert made.filter.excluded_scene.tags == ("pool", "beach")
    assert made.publish.pin == {"cafe": "train"}


@pytest.mark.parametrize("name", ["demo", "people"])
def test_a_recipe_of_the_project_keeps_its_comments_and_its_other_values(name: str) -> None:
    before = load_recipe(name)
    made, text = override_recipe(name, ["publish.val_share=0.5"])
    published = before.publish.model_copy(update={"val_share": 0.5})
    assert made == before.model_copy(update={"publish": published})
    assert _comments(text) == _comments(read_recipe_text(name))


REFUSED = [
    pytest.param("sharpness.min", "expected path.of.key=value", id="no value"),
    pytest.param("", "expected path.of.key=value", id="empty"),
    pytest.param("=1", "expected path.of.key=value", id="no path"),
    pytest.param(".min=1", "expected path.of.key=value", id="no rule"),
    pytest.param("sharpness.=1", "expected path.of.key=value", id="no key"),
    pytest.param("sharpness.min=[", r"'\[' is not a YAML value", id="no YAML"),
    pytest.param("sharpness.min=!!python/name:os.system 1", "is not a YAML value", id="code"),
    pytest.param("name.of=1", "name holds a value, not keys", id="into a value"),
    pytest.param("sharpness.min.of=1", "min holds a value, not keys", id="into a bound"),
    pytest.param("frame_cut.max.a.b=1", "max holds a value, not keys", id="far into a value"),
    pytest.param("sharpness.min=much", r"filter\.sharpness\.min = 'much'", id="no number"),
    pytest.param("sharpness.min=2", r"filter\.sharpness\.min = 2", id="out of range"),
    pytest.param("sharpness.min=0.6", r"filter\.sharpness = .* must rise in the order", id="order"),
    pytest.param("frame_cut.max=null", "at least one of min, max, review_min", id="no bound left"),
    pytest.param("detect.model=null", "detect.model: this key is required", id="required"),
    pytest.param("keypoints_in_mask.min=0.5", "it needs pose.model", id="needs another part"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_a_wrong_change_is_refused(change: str, said: str, recipe: str) -> None:
    with pytest.raises(InputError, match=said):
        override_recipe(recipe, [change])


@pytest.mark.parametrize(
    ("change", "path", "known"),
    [
        pytest.param("sharpnes.min=1", "filter.sharpnes", "body_visible, contrast, ", id="rule"),
        pytest.param("sharpness.mim=1", "filter.sharpness.mim", "max, min, missing, ", id="bound"),
        pytest.param("publish.share=1", "publish.share", "accumulate, against, ", id="value"),
    ],
)
def test_an_unknown_key_is_refused_with_those_that_are_known(
    change: str, path: str, known: str, recipe: str
) -> None:
    said = rf"{re.escape(path)} = .*: unknown key; known keys: {known}"
    with pytest.raises(InputError, match=said):
        override_recipe(recipe, [change])


def test_a_refusal_names_recipe_and_change(recipe: str) -> None:
    with pytest.raises(InputError) as refused:
        override_recipe(recipe, ["sharpness.min=0.3", "frame_cut.max=2"])
    assert str(refused.value).startswith(
        f"recipe {recipe} with sharpness.min=0.3, frame_cut.max=2: filter.frame_cut.max = 2: "
    )


@pytest.mark.parametrize("text", ["{", "a: b: c", "\t- x"])
def test_a_file_that_is_no_yaml_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"broken\.yaml is not valid YAML"):
        override_recipe(str(path), ["sharpness.min=0.3"])


def test_a_recipe_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="There is no recipe 'nothing'"):
        override_recipe("nothing", ["sharpness.min=0.3"])


@pytest.mark.parametrize("change", ["sharpnes=null", "sharpness.mim=null", "ghosting=null"])
def test_what_is_not_set_cannot_be_taken_out(change: str, recipe: str) -> None:
    with pytest.raises(InputError, match="is not set in this recipe, so it cannot be removed"):
        override_recipe(recipe, [change])


def test_a_word_that_yaml_takes_for_no_stays_a_word_when_it_is_quoted(recipe: str) -> None:
    amended, text = override_recipe(recipe, ['publish.note="no"'])
    assert amended.publish.note == "no"
    assert 'note: "no"' in text


def test_quotes_elsewhere_stay_as_they_are() -> None:
    before = read_recipe_text("demo")
    _, after = override_recipe("demo", ["sharpness.min=0.3"])
    changed = set(after.splitlines()) ^ set(before.splitlines())
    assert {line.split(":")[0].strip() for line in changed} == {"sharpness"}


def test_a_rule_that_is_written_without_bounds_gets_them(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text(RECIPE.replace("frame_cut: {max: 0.5}", "frame_cut:"))
    amended, _ = override_recipe(str(path), ["frame_cut.max=0.4"])
    assert amended.filter.frame_cut is not None
    assert amended.filter.frame_cut.max == 0.4


def test_words_in_a_list_stay_words(recipe: str) -> None:
    amended, _ = override_recipe(recipe, ['excluded_scene.tags=["no", night]'])
    assert amended.filter.excluded_scene is not None
    assert amended.filter.excluded_scene.tags == ("no", "night")


def test_a_part_that_two_rules_share_is_not_changed_for_both(tmp_path: Path) -> None:
    path = tmp_path / "shared.yaml"
    shared = "frame_cut: &edge {max: 0.5}\n  frame_cut_mask: *edge"
    path.write_text(RECIPE.replace("frame_cut: {max: 0.5}", shared))
    with pytest.raises(InputError, match="frame_cut is shared with other keys"):
        override_recipe(str(path), ["frame_cut.max=0.3"])


@pytest.mark.parametrize("value", ["2026-13-45", "!!int abc", "[" * 3000])
def test_what_cannot_be_read_as_a_value_is_told(value: str, recipe: str) -> None:
    with pytest.raises(InputError, match="is not a YAML value"):
        override_recipe(recipe, [f"sharpness.min={value}"])
