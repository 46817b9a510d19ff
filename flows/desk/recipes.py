"""Recipes that the desk saves: files of one folder, by plain names."""

import re
from pathlib import Path

from tasks.common.errors import InputError
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
