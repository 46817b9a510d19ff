"""Recipes with other bounds: applied for a preview, saved with the comments of their author."""

from collections.abc import Mapping
from pathlib import Path

from tasks.common.errors import InputError
from tasks.common.files import write_file
from tasks.common.recipe.models import Recipe, shipped_recipes
from tasks.common.recipe.override import override_recipe

Changes = Mapping[str, float | None]
"""Bounds by `rule.bound`, such as `sharpness.min`; None removes one."""


def with_bounds(recipe: str, changes: Changes) -> tuple[Recipe, str]:
    """Return a recipe (a name or a file) with other bounds, and its text with all comments.

    Raises:
        InputError: there is no such rule or bound, or the values are impossible.
    """
    overrides = [
        f"{path}={'null' if bound is None else repr(float(bound))}"
        for path, bound in changes.items()
    ]
    return override_recipe(recipe, overrides)


def save_bounds(recipe: str, changes: Changes, target: Path) -> Recipe:
    """Save a recipe with other bounds, its comments kept, and return it.

    Raises:
        InputError: as of `with_bounds` and `save_recipe`.
    """
    changed, text = with_bounds(recipe, changes)
    save_recipe(text, target, recipe)
    return changed


def save_recipe(text: str, target: Path, recipe: str) -> None:
    """Write a changed recipe; it replaces no existing file except the one it was read from.

    Raises:
        InputError: another file is there, or the file cannot be written.
    """
    try:
        # The name of a shipped recipe may equal the name of a file in the current folder.
        is_own = recipe not in shipped_recipes() and target.resolve() == Path(recipe).resolve()
        if target.exists() and not is_own:
            raise InputError(f"{target} exists already; choose another file name.")
        write_file(target.resolve(), text.encode())
    except OSError as error:
        raise InputError(
            f"{str(target)[:80]} cannot be written ({error.strerror or error}); name another file."
        ) from error
