"""Rules that need a model: a recipe that does not name it is refused before any work."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe, load_recipe
from tasks.common.weights.catalogue import weights_of_role
from tests.common.builders import recipe_values

POSES = "blazepose-full, blazepose-heavy, yolo11n-pose, yolo11s-pose"
ASKING_A_POSE = ("body_visible", "upper_body_visible", "keypoints_in_mask")
BLAZEPOSE: dict[str, Any] = {"pose": {"model": "blazepose-full"}}
TWO_MATTES: dict[str, Any] = {"matte": {"model": "u2netp", "second_opinion": "isnet-small"}}


def _bounds(*rules: str) -> dict[str, Any]:
    return {"filter": {rule: {"min": 0.5} for rule in rules}}


def _load(tmp_path: Path, **parts: Any) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe_values() | parts), encoding="utf-8")
    return load_recipe(str(path))


def _refusal(tmp_path: Path, **parts: Any) -> str:
    with pytest.raises(InputError) as refused:
        _load(tmp_path, **parts)
    return str(refused.value)


def test_a_recipe_without_these_rules_needs_neither_pose_nor_second_opinion(
    tmp_path: Path,
) -> None:
    recipe = _load(tmp_path)
    assert (recipe.pose, recipe.matte.second_opinion) == (None, None)


@pytest.mark.parametrize("pose", [{}, {"pose": None}], ids=["no key", "empty key"])
@pytest.mark.parametrize("rule", ASKING_A_POSE)
def test_a_rule_about_the_body_is_refused_without_a_pose_model(
    rule: str, pose: dict[str, Any], tmp_path: Path
) -> None:
    said = _refusal(tmp_path, **pose, **_bounds(rule))
    assert said == (
        f"recipe {tmp_path}/recipe.yaml: filter.{rule}: it needs pose.model, one of {POSES}."
    )


@pytest.mark.parametrize("model", POSES.split(", "))
@pytest.mark.parametrize("rule", ASKING_A_POSE)
def test_a_rule_about_the_body_is_taken_with_any_pose_model(
    rule: str, model: str, tmp_path: Path
) -> None:
    recipe = _load(tmp_path, pose={"model": model}, **_bounds(rule))
    assert recipe.pose is not None
    assert recipe.pose.model == model


@pytest.mark.parametrize(
    "pose",
    [
        pytest.param({}, id="no pose model"),
        pytest.param({"pose": {"model": "yolo11n-pose"}}, id="a pose model that marks no pixels"),
        pytest.param({"pose": {"model": "yolo11s-pose"}}, id="another one"),
    ],
)
def test_agreement_is_refused_without_a_second_opinion(
    pose: dict[str, Any], tmp_path: Path
) -> None:
    assert _refusal(tmp_path, **pose, **_bounds("mask_agreement")) == (
        f"recipe {tmp_path}/recipe.yaml: filter.mask_agreement: it needs a second opinion: "
        "matte.second_opinion, one of birefnet-portrait, isnet-general-use, isnet-medium, "
        "isnet-small, or a pose.model that marks the person, one of blazepose-full, "
        "blazepose-heavy."
    )


@pytest.mark.parametrize(
    "opinion",
    [
        pytest.param(BLAZEPOSE, id="a pose model that marks the person"),
        pytest.param(TWO_MATTES, id="a second matting model"),
        pytest.param(BLAZEPOSE | TWO_MATTES, id="both"),
        pytest.param(TWO_MATTES | {"pose": {"model": "yolo11n-pose"}}, id="matting beside a pose"),
    ],
)
def test_agreement_is_taken_with_a_second_opinion(opinion: dict[str, Any], tmp_path: Path) -> None:
    recipe = _load(tmp_path, **opinion, **_bounds("mask_agreement"))
    assert recipe.filter.mask_agreement is not None
    assert recipe.filter.mask_agreement.min == 0.5


@pytest.mark.parametrize("opinion", [{}, BLAZEPOSE], ids=["alone", "beside a pose model"])
def test_a_model_is_no_second_opinion_on_itself(opinion: dict[str, Any], tmp_path: Path) -> None:
    twice = {"model": "u2netp", "second_opinion": "u2netp"}
    assert _refusal(tmp_path, matte=twice, **opinion) == (
        f"recipe {tmp_path}/recipe.yaml: matte.second_opinion = 'u2netp': it must be another "
        "model than matte.model, or it would always agree."
    )


HEAVY = {"pose": {"model": "blazepose-heavy"}}


@pytest.mark.parametrize(
    ("opinions", "pose", "sentence"),
    [
        pytest.param(
            ["u2netp"], {},
            "matte.opinions: u2netp would count twice; name each model once, and matte.model not "
            "at all, since it is fused anyway",
            id="the model itself",
        ),
        pytest.param(
            ["isnet-small", "isnet-small"], {},
            "matte.opinions: isnet-small would count twice; name each model once, and matte.model "
            "not at all, since it is fused anyway",
            id="twice",
        ),
        pytest.param(
            ["blazepose-full"], HEAVY,
            "matte.opinions: blazepose-full is a pose model, whose mask comes with the pose: "
            "expected the recipe's own pose.model (blazepose-heavy) or a matting model",
            id="another pose model",
        ),
        pytest.param(
            ["blazepose-full"], {},
            "matte.opinions: blazepose-full is a pose model, whose mask comes with the pose: "
            "expected the recipe's own pose.model (none) or a matting model",
            id="no pose model",
        ),
        pytest.param(
            ["yolo11n-pose"], {"pose": {"model": "yolo11n-pose"}},
            "matte.opinions: yolo11n-pose gives no mask; pose models that do: blazepose-full, "
            "blazepose-heavy",
            id="a pose model without a mask",
        ),
    ],
)  # fmt: skip
def test_opinions_that_cannot_be_fused_are_refused(
    opinions: list[str], pose: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    matte = {"model": "u2netp", "opinions": opinions}
    expected = f"recipe {tmp_path}/recipe.yaml: {sentence}."
    assert _refusal(tmp_path, matte=matte, **pose) == expected


def test_an_opinion_that_no_model_has_is_refused_with_those_that_have(tmp_path: Path) -> None:
    said = _refusal(tmp_path, matte={"model": "u2netp", "opinions": ["u3net"]})
    assert "No weights 'u3net' for the role matting" in said


def test_matting_models_and_the_own_pose_model_are_opinions(tmp_path: Path) -> None:
    names = ["isnet-medium", "blazepose-heavy"]
    recipe = _load(tmp_path, matte={"model": "u2netp", "opinions": names}, **HEAVY)
    assert recipe.matte.opinions == tuple(names)


def test_everything_that_lacks_a_model_is_told_at_once(tmp_path: Path) -> None:
    said = _refusal(tmp_path, **_bounds(*ASKING_A_POSE, "mask_agreement")).splitlines()
    told = [line.split("filter.")[1].split(":")[0] for line in said]
    assert told == [*ASKING_A_POSE, "mask_agreement"]


@pytest.mark.parametrize(
    ("part", "key", "name", "role"),
    [
        pytest.param("pose", "model", "yolo11x-pose", "pose", id="unknown pose model"),
        pytest.param("pose", "model", "yolo11n", "pose", id="a detector for a pose model"),
        pytest.param("matte", "second_opinion", "u3net", "matting", id="unknown second opinion"),
        pytest.param(
            "matte", "second_opinion", "blazepose-full", "matting", id="a pose model that mattes"
        ),
    ],
)
def test_a_model_that_is_not_catalogued_for_its_role_is_refused_with_those_that_are(
    part: str, key: str, name: str, role: Any, tmp_path: Path
) -> None:
    values = {"model": "u2netp", key: name}
    said = _refusal(tmp_path, **{part: values})
    assert f"{part}.{key} = {name!r}: No weights {name!r} for the role {role}" in said
    assert f"Known: {', '.join(sorted(weights_of_role(role)))}." in said


@pytest.mark.parametrize("part", ["pose", "matte"])
def test_the_digest_changes_with_the_models(part: str, tmp_path: Path) -> None:
    other = BLAZEPOSE if part == "pose" else TWO_MATTES
    assert _load(tmp_path, **other).digest != _load(tmp_path).digest
