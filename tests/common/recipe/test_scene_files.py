"""Scene groups and overrides that a recipe names by file."""

from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.recipe.models import load_recipe
from tasks.common.recipe.override import override_recipe
from tests.flows.builders import RECIPE

SCENES = """\
scenes:
  - {id: green, zh: 绿, en: Green, phrases: [草地]}
"""
OVERRIDES = "\ufeffitem,add,remove,score\nclip-1,green,,0.4\nclip-2,,green,\nclip-3,,,0.1\n"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(SCENES, encoding="utf-8")
    (tmp_path / "words.csv").write_text(OVERRIDES, encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{RECIPE}  scenes: mine.yaml\n  scene_overrides: words.csv\n")
    return path


def test_files_beside_the_recipe_become_part_of_it(recipe: Path) -> None:
    part = load_recipe(str(recipe)).publish
    assert [scene.id for scene in part.scenes] == ["green"]
    told = [(entry.item, entry.scenes, entry.add, entry.remove) for entry in part.scene_overrides]
    assert told == [("clip-1", None, ("green",), ()), ("clip-2", None, (), ("green",))]


def test_a_changed_recipe_finds_the_files_of_the_one_that_it_comes_from(recipe: Path) -> None:
    changed, _ = override_recipe(str(recipe), ["publish.val_share=0.2"])
    assert [scene.id for scene in changed.publish.scenes] == ["green"]


def test_the_teams_groups_come_by_name() -> None:
    assert len(load_recipe("people").publish.scenes) == 9


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param("  scenes: none.yaml\n", "scenes that come with the project: team", id="gone"),
        pytest.param("  scenes: words.csv\n", "no list under the key 'scenes'", id="no scenes"),
        pytest.param("  scene_overrides: mine.yaml\n", "expected item and at least", id="no CSV"),
        pytest.param("  scene_overrides: gone.csv\n", "cannot be read as UTF-8", id="no file"),
        pytest.param(
            "  scenes: mine.yaml\n  scene_overrides: bad.csv\n",
            "scene_overrides of x name 'gren', which is no scene of the recipe; known: green",
            id="unknown scene",
        ),
        pytest.param("  scenes: [{id: Green, zh: a, en: b, phrases: [c]}]\n", "scenes.0.id = 'Gr",
                     id="id that names no file"),
        pytest.param("  role: test\n", "role test needs against", id="test without training"),
        pytest.param("  against: [CustomSeg_Person_20260101_a]\n", "is for role test", id="train"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(lines: str, said: str, recipe: Path) -> None:
    (recipe.parent / "bad.csv").write_text("item,add\nx,gren\n")
    recipe.write_text(RECIPE + lines)
    with pytest.raises(InputError) as found:
        load_recipe(str(recipe))
    assert said in str(found.value)
