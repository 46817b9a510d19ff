"""Override single values of a recipe, as in `sharpness.min=0.12`; comments and order stay."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import yaml as pyyaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe, parse_recipe, read_recipe_text
from tasks.common.yaml_text import load_yaml

_PARTS = frozenset(Recipe.model_fields)


def override_recipe(name_or_path: str, overrides: Sequence[str]) -> tuple[Recipe, str]:
    """Return a recipe with overrides applied, and its YAML text.

    An override is `path.of.key=value`, the value as YAML. A path whose first key is no part of a
    recipe names a rule: `sharpness.min` is `filter.sharpness.min`. `null` removes a value or
    a rule.

    Raises:
        InputError: an override is not of this form, or the recipe that results is not valid.
    """
    text = read_recipe_text(name_or_path)
    if not overrides:
        return parse_recipe(text, name_or_path), text
    try:
        load_yaml(text)  # with its limits, which ruamel.yaml does not have
    except pyyaml.YAMLError as error:
        raise InputError(f"{name_or_path} is not valid YAML: {error}") from error
    # ruamel.yaml edits the text in place of its comments; PyYAML, which reads recipes, drops them.
    yaml = YAML()
    # Or ruamel breaks long lines that the author did not break.
    yaml.width = 100
    yaml.preserve_quotes = True
    try:
        values = yaml.load(text)
    except YAMLError as error:
        raise InputError(f"{name_or_path} is not valid YAML: {error}") from error
    for override in overrides:
        _apply(values, override)
    stream = StringIO()
    yaml.dump(values, stream)
    changed = stream.getvalue()
    label, folder = f"{name_or_path} with {', '.join(overrides)}", Path(name_or_path).parent
    return parse_recipe(changed, label, folder), changed


def _apply(values: Any, override: str) -> None:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise InputError(
            f"--set {override!r}: expected path.of.key=value, such as sharpness.min=0.12."
        )
    # A rule's name is the commonest path, so `filter.` may be left out.
    if keys[0] not in _PARTS:
        keys = ["filter", *keys]
    try:
        value = load_yaml(text)  # by the parser that reads recipes, so that both agree on types
    except pyyaml.YAMLError as error:
        raise InputError(f"--set {override!r:.80}: {text!r:.60} is not a YAML value.") from error
    part = values
    for key in keys[:-1]:
        part = _inner(part, key, override)
    if value is not None:
        part[keys[-1]] = _quoted(value)
    elif keys[-1] in part:
        del part[keys[-1]]
    else:
        present = ", ".join(map(str, part)) or "nothing"
        raise InputError(
            f"--set {override!r}: {'.'.join(keys)} is not set in this recipe, so it cannot be "
            f"removed; set there: {present}."
        )


def _inner(part: Any, key: str, override: str) -> Any:
    """Return the mapping under a key, which is created if it is missing."""
    if part.get(key) is None:
        part[key] = {}
    inner = part[key]
    if not isinstance(inner, dict):
        raise InputError(f"--set {override!r}: {key} holds a value, not keys.")
    # With a YAML anchor, other keys share this mapping and would silently change as well.
    anchor = getattr(inner, "anchor", None)
    if anchor is not None and anchor.value:
        raise InputError(
            f"--set {override!r}: {key} is shared with other keys of this recipe "
            f"(&{anchor.value}), which would change too; change it in the file."
        )
    return inner


def _quoted(value: Any) -> Any:
    """Quote every text: YAML would read a bare `no` as false."""
    match value:
        case str():
            return DoubleQuotedScalarString(value)
        case list():
            return [_quoted(item) for item in value]
        case dict():
            return {key: _quoted(item) for key, item in value.items()}
    return value
