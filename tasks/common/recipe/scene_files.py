"""Read the scene groups and scene overrides that a recipe names by file into its values."""

import csv
import io
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from tasks.common.errors import InputError
from tasks.common.printable import from_cell
from tasks.common.yaml_text import load_yaml

_SEPARATORS = re.compile(r"[;|]")
_LISTS = ("scenes", "add", "remove")
_COLUMNS = ("item", *_LISTS)
Override = dict[str, str | list[str]]  # the recipe's own form, before its model reads it


def inline_scene_files(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a recipe's values with `publish.scenes` and `.scene_overrides` read from their files.

    A run's record then holds the values themselves, even if the files change later. A path is
    relative to `folder`; a bare name is a shipped file of scenes.

    Raises:
        InputError: a file is missing, or is not of the expected form.
    """
    part = values.get("publish")
    if not isinstance(part, dict):
        return values
    read = dict(part)
    if isinstance(part.get("scenes"), str):
        read["scenes"] = _scenes(part["scenes"], folder)
    if isinstance(part.get("scene_overrides"), str):
        read["scene_overrides"] = read_overrides(folder / part["scene_overrides"])
    return values | {"publish": read}


def _scenes(name: str, folder: Path) -> list[Any]:
    shipped = files("deployments").joinpath("scenes", f"{name}.yaml")
    text = shipped.read_text("utf-8") if shipped.is_file() else _text(folder / name, "scenes")
    try:
        values = load_yaml(text)
    except yaml.YAMLError as error:
        raise InputError(f"publish.scenes: {name} is not valid YAML: {error}") from error
    scenes = values.get("scenes") if isinstance(values, dict) else None
    if not isinstance(scenes, list):
        raise InputError(f"publish.scenes: {name} holds no list under the key 'scenes'.")
    return scenes


def read_overrides(path: Path) -> list[Override]:
    """Read a CSV of overrides: `item` and any of `scenes`, `add`, `remove`, `;` between scenes.

    Other columns, such as the tagger's scores or notes, are for people. Rows that change nothing
    are left out.

    Raises:
        InputError: the file is missing, or it lacks `item` or all of the other columns.
    """
    rows = csv.DictReader(io.StringIO(_text(path, "scene_overrides"), newline=""))
    columns = {name.strip() for name in rows.fieldnames or ()}
    if "item" not in columns or columns.isdisjoint(_LISTS):
        raise InputError(
            f"publish.scene_overrides: {path} has the columns {', '.join(sorted(columns))}; "
            f"expected item and at least one of {', '.join(_LISTS)}."
        )
    return [entry for row in rows if len(entry := _override(row)) > 1]


def _override(row: dict[str, str]) -> Override:
    # DictReader puts surplus cells under the key None.
    cells = {(name or "").strip(): value for name, value in row.items()}
    # As `scene_proposals` wrote it, or people did.
    entry: Override = {"item": from_cell((cells["item"] or "").strip())}
    for name in _LISTS:
        cell = cells.get(name)
        parts = [part.strip() for part in _SEPARATORS.split(cell)] if cell else []
        if any(parts):
            entry[name] = [part for part in parts if part]
    return entry


def _text(path: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        known = sorted(entry.name.removesuffix(".yaml") for entry in _shipped().iterdir())
        hint = f"; scenes that come with the project: {', '.join(known)}" if key == "scenes" else ""
        raise InputError(
            f"publish.{key}: {path} cannot be read as UTF-8 text "
            f"({type(error).__name__}). Name a file beside the recipe, or by its whole path{hint}."
        ) from error


def _shipped() -> Any:
    return files("deployments").joinpath("scenes")
