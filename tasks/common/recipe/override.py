"""Recipes with single values changed: `sharpness.min=0.12`, comments and order untouched."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import yaml as pyyaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from yaml import safe_load

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe, parse_recipe, read_recipe_text

_PARTS = frozenset(Recipe.model_fields)


def amend_recipe(name_or_path: str, changes: Sequence[str]) -> tuple[Recipe, str]:
    """Return a recipe with changes made, and its text.

    A change is `path.of.key=value`, the value as YAML; a path whose first word is no part of a
    recipe is one of the rules'. `null` takes a value, or a whole rule, out.

    Raises:
        InputError: a change is not of this form, or the recipe that results is not valid.
    """
    text = read_recipe_text(name_or_path)
    if not changes:
        return parse_recipe(text, name_or_path), text
    yaml = YAML()
    yaml.width = 100
    yaml.preserve_quotes = True
    try:
        values = yaml.load(text)
    except YAMLError as error:
        raise InputError(f"{name_or_path} is not valid YAML: {error}") from error
    for change in changes:
        _set(values, change)
    stream = StringIO()
    yaml.dump(values, stream)
    changed = stream.getvalue()
    said, folder = f"{name_or_path} with {', '.join(changes)}", Path(name_or_path).parent
    return parse_recipe(changed, said, folder), changed


def _set(values: Any, change: str) -> None:
    path, equals, text = change.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise InputError(
            f"--set {change!r}: expected path.of.key=value, such as sharpness.min=0.12."
        )
    if keys[0] not in _PARTS:
        keys = ["filter", *keys]
    try:
        value = safe_load(text)  # as recipes are read
    except (pyyaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"--set {change!r:.80}: {text!r:.60} is not a YAML value.") from error
    part = values
    for key in keys[:-1]:
        part = _inner(part, key, change)
    if value is not None:
        part[keys[-1]] = _quoted(value)
    elif keys[-1] in part:
        del part[keys[-1]]
    else:
        there = ", ".join(map(str, part)) or "nothing"
        raise InputError(
            f"--set {change!r}: {'.'.join(keys)} is not set in this recipe, so it cannot be taken "
            f"out; set there: {there}."
        )


def _inner(part: Any, key: str, change: str) -> Any:
    """Step into a mapping, making it where there is none yet."""
    if part.get(key) is None:
        part[key] = {}
    inner = part[key]
    if not isinstance(inner, dict):
        raise InputError(f"--set {change!r}: {key} holds a value, not keys.")
    anchor = getattr(inner, "anchor", None)
    if anchor is not None and anchor.value:
        raise InputError(
            f"--set {change!r}: {key} is shared with other keys of this recipe (&{anchor.value}), "
            "which would change too; change it in the file."
        )
    return inner


def _quoted(value: Any) -> Any:
    """Put every text in quotes, so that a word such as no is not read as something else."""
    match value:
        case str():
            return DoubleQuotedScalarString(value)
        case list():
            return [_quoted(item) for item in value]
        case dict():
            return {key: _quoted(item) for key, item in value.items()}
    return value
