"""`matteflow retune` as people meet it: what is refused, printed and saved."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.common.recipe.models import load_recipe
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.crops import Crop
from tests.flows.builders import RECIPE, exit_code, recipe_file, recipe_of, record_run

Told = Callable[[], str]


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    """Return a recipe, of which there is a run."""
    crops = {"street": [Crop("a"), Crop("b", sharpness=0.45)]}
    record_run(Workspace.of(settings()), crops)
    return recipe_file(tmp_path)


@pytest.fixture
def complaint(capsys: pytest.CaptureFixture[str]) -> Told:
    """Return what stands on the error stream, on one line."""
    return lambda: capsys.readouterr().err.replace("\n", " ")


def test_without_preview_or_save_nothing_is_asked_for(recipe: str, complaint: Told) -> None:
    assert exit_code("retune", recipe, "--set", "sharpness.min=0.5") == 2
    sentence = "Give --preview to see what would change, or --save FILE to save the changed recipe."
    assert sentence in complaint()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param("sharpness.min", "expected path.of.key=value", id="no value"),
        pytest.param("=0.5", "expected path.of.key=value", id="no path"),
        pytest.param("sharpness..min=1", "expected path.of.key=value", id="a hole in the path"),
        pytest.param("sharpness.min=[", "'[' is not a YAML value", id="no YAML"),
        pytest.param("sharpness.min.of=1", "min holds a value, not keys", id="into a value"),
        pytest.param("sharpnes.min=0.5", "filter.sharpnes = ", id="unknown rule"),
        pytest.param("sharpness.mim=0.5", "filter.sharpness.mim = 0.5: ", id="unknown bound"),
        pytest.param("sharpness.min=much", "filter.sharpness.min = 'much': ", id="no number"),
        pytest.param("sharpness.min=1.5", "filter.sharpness.min = 1.5: ", id="out of range"),
        pytest.param("sharpness.min=0.6", "filter.sharpness = {'min': 0.6, ", id="wrong way round"),
        pytest.param("body_visible.min=0.5", "it needs pose.model", id="no model for the rule"),
    ],
)
def test_a_wrong_change_is_refused_with_its_path(
    change: str, said: str, recipe: str, complaint: Told
) -> None:
    assert exit_code("retune", recipe, "--set", change, "--preview") == 2
    assert said in complaint()


def test_bounds_the_wrong_way_round_are_told_in_their_order(recipe: str, complaint: Told) -> None:
    assert exit_code("retune", recipe, "--set", "sharpness.min=0.6", "--preview") == 2
    assert "bounds must rise in the order min, review_min, review_max, max" in complaint()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["nothing"], "There is no recipe 'nothing'", id="recipe"),
        pytest.param(["demo"], "No run in ", id="no run of this recipe"),
        pytest.param(["demo", "--run", "run-9"], "There is no run run-9", id="run"),
    ],
)
def test_what_is_not_there_is_refused(
    arguments: list[str], said: str, recipe: str, complaint: Told
) -> None:
    assert exit_code("retune", *arguments, "--preview") == 2
    assert said in complaint()


def test_a_preview_prints_moves_rules_counts_and_where_the_pictures_are(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("retune", recipe, "--set", "sharpness.min=0.5", "--preview") == 0
    told = capsys.readouterr().out
    cells = [line.strip("│").replace(" ", "").split("│") for line in told.splitlines()]
    assert "Run run-1 of list.csv, 2 crops" in told
    assert ["review", "drop", "1"] in cells
    assert ["sharpness", "1", "1", "1", "1"] in cells
    for line in ("keep: 1 now, 1 then", "review: 1 now, 0 then", "drop: 0 now, 1 then"):
        assert line in told
    assert (settings().workspace / "runs/run-1/retune.html").as_uri() in told


def test_a_preview_without_an_effect_says_so(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("retune", recipe, "--set", "sharpness.min=0.3", "--preview") == 0
    assert "No verdict would change." in capsys.readouterr().out


def test_a_preview_leaves_the_recipe_as_it_is(recipe: str) -> None:
    assert exit_code("retune", recipe, "--set", "sharpness.min=0.3", "--preview") == 0
    assert Path(recipe).read_text() == RECIPE


def test_the_saved_recipe_differs_in_the_changed_values_alone(recipe: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "tuned.yaml"
    changes = ["--set", "sharpness.min=0.3", "--set", "publish.note=tuned"]
    assert exit_code("retune", recipe, *changes, "--save", str(target)) == 0
    old = ("{min: 0.4, ", "note: small")
    new = ("{min: 0.3, ", 'note: "tuned"')
    assert target.read_text() == RECIPE.replace(old[0], new[0]).replace(old[1], new[1])
    assert load_recipe(str(target)) == recipe_of(*zip(old, new, strict=True))
    assert Path(recipe).read_text() == RECIPE


def test_the_recipe_itself_may_be_changed_in_place(recipe: str) -> None:
    assert exit_code("retune", recipe, "--set", "sharpness.min=0.3", "--save", recipe) == 0
    assert Path(recipe).read_text() == RECIPE.replace("{min: 0.4,", "{min: 0.3,")


@pytest.mark.parametrize("others", [[], ["--preview"]], ids=["save", "preview and save"])
def test_another_file_is_not_overwritten(
    others: list[str], recipe: str, tmp_path: Path, complaint: Told
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("mine")
    change = ["--set", "sharpness.min=0.3"]
    assert exit_code("retune", recipe, *change, "--save", str(other), *others) == 2
    assert f"{other} exists already; choose another file name." in complaint()
    assert other.read_text() == "mine"


def test_a_wrong_change_is_not_saved(recipe: str, tmp_path: Path) -> None:
    target = tmp_path / "tuned.yaml"
    assert exit_code("retune", recipe, "--set", "sharpness.min=2", "--save", str(target)) == 2
    assert not target.exists()


def test_a_recipe_that_comes_with_the_project_is_tuned_into_a_file(tmp_path: Path) -> None:
    record_run(Workspace.of(settings()), {"street": [Crop("a")]}, recipe=load_recipe("demo"))
    target = tmp_path / "tuned.yaml"
    change = ["--set", "publish.note=tuned"]
    assert exit_code("retune", "demo", *change, "--preview", "--save", str(target)) == 0
    published = load_recipe("demo").publish.model_copy(update={"note": "tuned"})
    assert load_recipe(str(target)) == load_recipe("demo").model_copy(update={"publish": published})


def test_a_file_named_as_a_shipped_recipe_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaint: Told
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("demo").write_text("mine")
    change = ["--set", "sharpness.min=0.3"]
    assert exit_code("retune", "demo", *change, "--save", "demo") == 2
    assert "demo exists already; choose another file name." in complaint()
    assert Path("demo").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_told(recipe: str, complaint: Told) -> None:
    change = ["--set", "sharpness.min=0.3"]
    assert exit_code("retune", recipe, *change, "--save", "/proc/tuned.yaml") == 2
    assert "/proc/tuned.yaml cannot be written" in complaint()


def test_a_changed_recipe_is_saved_without_any_run(recipe: str, tmp_path: Path) -> None:
    target = tmp_path / "tuned.yaml"
    change = ["--set", "detect.confidence=0.4"]
    assert exit_code("retune", recipe, *change, "--save", str(target)) == 0
    assert load_recipe(str(target)).detect.confidence == 0.4
