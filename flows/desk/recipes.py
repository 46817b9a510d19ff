"""Recipes that the desk saves: files of one folder, by plain names."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import yaml

from tasks.common.errors import InputError
from tasks.common.files import write_file
from tasks.common.recipe.bounds import Bounds, RuleBounds
from tasks.common.recipe.models import Recipe, load_recipe, parse_recipe, shipped_recipes
from tasks.common.recipe.override import override_recipe
from tasks.common.settings import settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}")


def recipes_folder() -> Path:
    """Return the folder of the recipes that desks saved."""
    return settings().home / "recipes"


def recipe_path(name: str, *, must_exist: bool = False) -> Path:
    """Return the file of a saved recipe by its name: never a path that a page chose.

    Raises:
        InputError: the name is none, or the file is there although it must not be, or the reverse.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name[:60]!r} cannot be a recipe's name: expected 1 to 60 letters, digits and dashes."
        )
    path = recipes_folder() / f"{name}.yaml"
    if must_exist and not path.is_file():
        raise InputError(f"There is no recipe {name} in {recipes_folder()}.")
    if not must_exist and path.exists():
        raise InputError(f"{path} is there already; choose another name.")
    return path


def save_recipe(recipe: Recipe, changes: Mapping[str, float | None], target: Path) -> None:
    """Write a run's recipe with changed bounds; comments stay where its file is still there.

    Raises:
        InputError: the changed recipe is not valid.
    """
    origin = _file_of(recipe)
    with TemporaryDirectory(prefix="matteflow-recipe-") as scratch:
        if origin is None:
            # The run knows the values, not the file that they came from.
            values = recipe.model_dump(mode="json", exclude_defaults=True)
            file = Path(scratch) / "recipe.yaml"
            file.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), "utf-8")
            origin = str(file)
        _, text = override_recipe(origin, _overrides(recipe, changes))
    # Files that the recipe names beside itself lie elsewhere now, so it is read once more.
    parse_recipe(text, str(target))
    write_file(target, text.encode())


def _file_of(recipe: Recipe) -> str | None:
    """Return a shipped recipe or file of this folder that has the values of a run's recipe."""
    files = [*recipes_folder().glob("*.yaml"), *Path().glob("*.yaml")]
    for name in [*shipped_recipes(), *map(str, files)]:
        with suppress(InputError):  # other YAML files, or older recipes
            if load_recipe(name).digest == recipe.digest:
                return name
    return None


def _overrides(recipe: Recipe, changes: Mapping[str, float | None]) -> list[str]:
    """Return changes of bounds as `override_recipe` takes them; a rule without bounds goes."""
    by_rule: dict[str, dict[str, float | None]] = {}
    for key, value in changes.items():
        rule, _, name = key.partition(".")
        by_rule.setdefault(rule, {})[name] = value
    lines = []
    for rule, changed in by_rule.items():
        limits = recipe.filter.of(rule)
        present: dict[str, float] = limits.by_name() if isinstance(limits, Bounds) else {}
        if all(value is None for value in (dict(present) | changed).values()):
            lines.append(f"filter.{rule}=null")
        else:
            lines += [
                f"filter.{rule}.{name}={'null' if value is None else repr(value)}"
                for name, value in changed.items()
                if value is not None or name in present
            ]
    return lines


def saved_recipes() -> list[str]:
    """Return the names of the recipes that desks saved."""
    return sorted(path.stem for path in recipes_folder().glob("*.yaml"))


def unit_of(rule: str) -> str:
    """Return the unit of a measured rule's bounds."""
    kind, _ = get_args(RuleBounds.model_fields[rule].annotation)  # `SomeBounds | None`
    return str(kind.unit)
