"""The recipe: all values that shape a dataset, read from YAML, validated, frozen.

Values that describe a machine belong in the settings. Each stage reads its own part of the recipe,
and only that part enters the stage's cache key.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from tasks.common.digests import content_key
from tasks.common.errors import InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.publish import JpegQuality, PublishRecipe, Share
from tasks.common.recipe.scene_files import inline_scene_files
from tasks.common.records import Record
from tasks.common.validation import explain_validation
from tasks.common.weights.catalogue import Role, find_weights, services_among, weights_of_role
from tasks.common.yaml_text import load_yaml

_RING_DEG = 360.0


class DownloadRecipe(Record):
    """Limits for a source, checked before anything is decoded."""

    # Defaults for people's own videos: four hours, 8 GB, and a panorama of 100 megapixels.
    max_bytes: int = Field(8_000_000_000, gt=0)
    max_pixels: int = Field(100_000_000, gt=0, description="width x height of a frame or photo")
    max_duration_s: float = Field(14_400.0, gt=0)
    max_frames: int = Field(2_000_000, gt=0, description="frames that a video declares")


class SampleRecipe(Record):
    """How a video becomes frames."""

    every_s: float = Field(1.0, ge=0.01, le=3600.0, description="time between targets")
    max_frames: int = Field(2000, gt=0, description="for longer videos the targets move apart")
    mode: Literal["auto", "keyframes", "all"] = "auto"
    min_side_px: int = Field(64, ge=1)
    still_level: float = Field(
        4.0, ge=0.0, le=255.0, description="a frame whose blocks all differ less is a still"
    )
    jpeg_quality: JpegQuality = 95


class DetectRecipe(Record):
    """How frames become single-person crops."""

    model: str
    # ultralytics' defaults are 0.25 and 0.7; a lower IoU merges the double boxes of one person.
    confidence: Share = 0.25
    iou: Share = 0.6
    # The networks halve the picture five times, hence multiples of 32.
    input_px: int = Field(640, ge=160, le=2048, multiple_of=32)
    context: float = Field(0.2, ge=0.0, le=1.0, description="margin over the box's longer side")
    max_people: int = Field(30, ge=1, le=300)

    @field_validator("model")
    @classmethod
    def _is_catalogued(cls, name: str) -> str:
        return _catalogued(name, "person-detector")


class SphereRecipe(Record):
    """How people are found in 360 spheres, and cut out of them as flat views."""

    views: int = Field(2, ge=1, le=36, description="views around the horizon, searched for people")
    view_deg: float = Field(200.0, ge=30.0, le=450.0, description="width of a view")
    search_every: int = Field(
        1, ge=1, le=1000, description="frames; between them only views with people are searched"
    )
    highest_deg: float = Field(
        60.0,
        ge=30.0,
        le=80.0,
        description="how far above and below the horizon people are searched",
    )
    second_look_from: Share = Field(
        0.05, description="confidence; people below detect.confidence are looked at once more"
    )
    min_height_deg: float = Field(6.0, ge=0.0, le=90.0, description="of a person, as an angle")
    max_stretch: float = Field(
        1.1, ge=1.01, le=3.0, description="of a person in one direction, by the view"
    )

    @model_validator(mode="after")
    def _covers_the_ring(self) -> Self:
        if self.views * self.view_deg < _RING_DEG:
            raise ValueError(
                f"{self.views} views of {self.view_deg:g} degrees do not cover the horizon; "
                f"expected views x view_deg of at least {_RING_DEG:g}"
            )
        return self


class PoseRecipe(Record):
    """Which model finds the keypoints of a body."""

    model: str

    @field_validator("model")
    @classmethod
    def _is_catalogued(cls, name: str) -> str:
        return _catalogued(name, "pose")


class MatteRecipe(Record):
    """How crops become mattes and masks."""

    model: str
    second_opinion: str | None = Field(
        None, description="another matting model, which mask_agreement compares with"
    )
    opinions: tuple[str, ...] = Field(
        (),
        max_length=8,
        description="models whose masks are fused with the model's: matting models, "
        "models of segmentation (yolo-seg, SAM 2), or the recipe's pose model if it gives a mask",
    )
    removebg_credits_a_day: float | None = Field(
        None, gt=0, description="what removebg may cost in a day (UTC), all runs together"
    )
    threshold: float = Field(0.5, gt=0.0, lt=1.0, description="alpha from which a pixel is person")
    margin: float = Field(0.04, ge=0.0, le=0.5, description="kept around the tight box")

    @field_validator("model", "second_opinion")
    @classmethod
    def _is_catalogued(cls, name: str | None) -> str | None:
        return None if name is None else _catalogued(name, "matting")

    @field_validator("opinions")
    @classmethod
    def _are_catalogued(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        others = weights_of_role("pose").keys() | weights_of_role("segmentation").keys()
        for name in names:
            if name not in others:
                _catalogued(name, "matting")
        return names

    @model_serializer(mode="wrap")
    def _without_unused_credits(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave the limit out of recipes that need none: they keep the digest that they had."""
        values: dict[str, Any] = plain(self)
        if self.removebg_credits_a_day is None:
            values.pop("removebg_credits_a_day", None)
        return values

    @property
    def services(self) -> list[str]:
        """The models that are services, and cost money for each crop."""
        return services_among(dict.fromkeys((self.model, self.second_opinion, *self.opinions)))


class Recipe(Record):
    """All parts of a recipe."""

    # Part of file names and of flow run names.
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")]
    download: DownloadRecipe = DownloadRecipe()
    sample: SampleRecipe = SampleRecipe()
    detect: DetectRecipe
    sphere: SphereRecipe = SphereRecipe()
    pose: PoseRecipe | None = None
    matte: MatteRecipe
    filter: RuleBounds
    publish: PublishRecipe

    @model_serializer(mode="wrap")
    def _without_usual_sphere(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave the default `sphere` out: recipes without it keep the digest that they had."""
        values: dict[str, Any] = plain(self)
        if self.sphere == SphereRecipe():
            values.pop("sphere", None)
        return values

    @property
    def digest(self) -> str:
        """A digest of the values; comments and the order of keys in the file do not matter."""
        return content_key(self)


def _catalogued(name: str, role: Role) -> str:
    try:
        find_weights(name, role)
    except InputError as error:
        raise ValueError(str(error)) from error
    return name


def load_recipe(name_or_path: str) -> Recipe:
    """Read a recipe: a shipped one by name, or any YAML file by path.

    Raises:
        InputError: there is no such recipe, or it is not valid; each error names its key.
    """
    return parse_recipe(read_recipe_text(name_or_path), name_or_path)


def parse_recipe(text: str, name_or_path: str, folder: Path | None = None) -> Recipe:
    """Validate a recipe's text; error messages name it `name_or_path`.

    Files that it names are read from `folder`, by default the recipe's own.

    Raises:
        InputError: it is not valid; each error names its key.
    """
    try:
        values: Any = load_yaml(text)
    except yaml.YAMLError as error:
        raise InputError(f"{name_or_path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{name_or_path} holds {type(values).__name__}, expected keys and values.")
    # Before validation: the recipe is then complete by itself, so its digest covers the files.
    values = inline_scene_files(values, folder or Path(name_or_path).parent)
    try:
        # Strict, so that `yes` is no number; as JSON, where strict mode takes a list as a tuple.
        recipe = Recipe.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise InputError(explain_validation(error, f"recipe {name_or_path}", Recipe)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name_or_path} cannot be read as keys and values: {error}") from error
    _require_models(recipe, name_or_path)
    return recipe


def _require_models(recipe: Recipe, origin: str) -> None:
    """Refuse bounds of a rule if the recipe does not name the model that the rule needs."""
    poses = weights_of_role("pose")
    pose = poses[recipe.pose.model] if recipe.pose else None
    missing = []
    for rule in ("body_visible", "upper_body_visible", "keypoints_in_mask"):
        if recipe.filter.of(rule) is not None and pose is None:
            missing.append(f"filter.{rule}: it needs pose.model, one of {', '.join(sorted(poses))}")
    has_second = recipe.matte.second_opinion is not None or (pose is not None and pose.gives_mask)
    if recipe.filter.mask_agreement is not None and not has_second:
        masks = sorted(name for name, weights in poses.items() if weights.gives_mask)
        matting = set(weights_of_role("matting")) - {recipe.matte.model}
        others = sorted(matting.difference(services_among(matting)))  # nobody pays by accident
        missing.append(
            f"filter.mask_agreement: it needs a second opinion: matte.second_opinion, one of "
            f"{', '.join(others)}, or a pose.model that marks the person, one of {', '.join(masks)}"
        )
    if recipe.matte.second_opinion == recipe.matte.model:
        missing.append(
            f"matte.second_opinion = {recipe.matte.model!r}: it must be another model than "
            "matte.model, or it would always agree"
        )
    missing += _unusable_opinions(recipe)
    if recipe.matte.services and recipe.matte.removebg_credits_a_day is None:
        missing.append(
            "matte.removebg_credits_a_day: removebg costs a credit for each crop; name the number "
            "of credits that it may cost in a day"
        )
    if missing:
        raise InputError("\n".join(f"recipe {origin}: {line}." for line in missing))


def _unusable_opinions(recipe: Recipe) -> list[str]:
    """Return what is wrong with the opinions that are fused with the model's mask."""
    names, wrong = recipe.matte.opinions, []
    twice = sorted({name for name in names if [recipe.matte.model, *names].count(name) > 1})
    if twice:
        wrong.append(
            f"matte.opinions: {', '.join(twice)} would count twice; name each model once, and "
            "matte.model not at all, since it is fused anyway"
        )
    poses = weights_of_role("pose")
    own = recipe.pose.model if recipe.pose else "none"
    for name in (name for name in names if name in poses):
        if name != own:
            wrong.append(
                f"matte.opinions: {name} is a pose model, whose mask comes with the pose: expected "
                f"the recipe's own pose.model ({own}) or a matting model"
            )
        elif not poses[name].gives_mask:
            masks = ", ".join(sorted(pose for pose in poses if poses[pose].gives_mask))
            wrong.append(f"matte.opinions: {name} gives no mask; pose models that do: {masks}")
    return wrong


def shipped_recipes() -> list[str]:
    """Return the names of the shipped recipes."""
    folder = files("deployments").joinpath("recipes")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir())


def read_recipe_text(name_or_path: str) -> str:
    """Return the YAML text of a shipped recipe, or of a file.

    Raises:
        InputError: there is no such recipe.
    """
    folder = files("deployments").joinpath("recipes")
    shipped = folder.joinpath(f"{name_or_path}.yaml")
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    try:
        return Path(name_or_path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"There is no recipe {name_or_path!r}: expected one of "
            f"{', '.join(shipped_recipes())}, or the path of a "
            "YAML file."
        ) from error
