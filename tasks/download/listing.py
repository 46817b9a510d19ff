"""Source lists: CSV or YAML files, folders of media, or one file; read and checked before work."""

import csv
import hashlib
import io
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tasks.common.errors import InputError
from tasks.common.explain import explain_validation
from tasks.common.records import Source
from tasks.common.settings import settings

_VIDEO = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".ts", ".mpg", ".mpeg", ".3gp")
_PHOTO = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
MEDIA_SUFFIXES = frozenset(_VIDEO + _PHOTO)
_REQUIRED = ("source_id", "uri")
_COLUMNS = (*_REQUIRED, *(name for name in Source.model_fields if name not in _REQUIRED))
_SCENE_SEPARATORS = re.compile(r"[;|]")
_ID_LENGTH = 80


def read_sources(address: str) -> tuple[Source, ...]:
    """Read what `address` names: a list that comes with the project, a list file, a folder, a file.

    Raises:
        InputError: nothing is there, or a line of the list is wrong; every finding is named.
    """
    shipped = files("deployments").joinpath("sources", f"{address}.yaml")
    if shipped.is_file():
        return _checked(_from_yaml(shipped.read_text(encoding="utf-8"), address), address, Path())
    if ":" in address.split("/", 1)[0]:
        return (Source(source_id=_slug(Path(address).stem), uri=address),)
    path = _expand(address)
    if path.is_dir():
        return _from_folder(path)
    if not path.is_file():
        raise InputError(
            f"There is no {address!r}: expected a source list (.csv, .yaml), a folder of videos "
            "and photos, one such file, or the name of a list that comes with the project (demo)."
        )
    if path.suffix.lower() in {".yaml", ".yml"}:
        return _checked(_from_yaml(_text(path), address), address, path.parent)
    if path.suffix.lower() == ".csv":
        return _checked(_from_csv(_text(path), address), address, path.parent)
    return (Source(source_id=_slug(path.stem), uri=str(path.resolve())),)


def _expand(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"{path}: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save the list as UTF-8.") from error


def _from_csv(text: str, origin: str) -> list[dict[str, Any]]:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    columns = [cell.strip() for cell in rows[0]] if rows else []
    missing = [name for name in _REQUIRED if name not in columns]
    unknown = [name or "(no name)" for name in columns if name not in _COLUMNS]
    if missing or unknown or len(set(columns)) < len(columns):
        raise InputError(
            f"{origin} has the columns {', '.join(columns) or '(none)'}; "
            f"missing: {', '.join(missing) or 'none'}; not known: {', '.join(unknown) or 'none'}; "
            f"each may stand once. Known columns: {', '.join(_COLUMNS)}."
        )
    filled = [[cell.strip() for cell in row] for row in rows[1:] if any(map(str.strip, row))]
    for number, row in enumerate(filled, start=1):
        if any(row[len(columns) :]):
            raise InputError(
                f"{origin}, entry {number} has {len(row)} cells, more than the {len(columns)} "
                "columns; put a cell that holds a comma in double quotes."
            )
    return [
        {name: cell for name, cell in zip(columns, row, strict=False) if cell} for row in filled
    ]


def _from_yaml(text: str, origin: str) -> list[dict[str, Any]]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{origin} is not valid YAML: {error}") from error
    entries = values.get("sources") if isinstance(values, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{origin} holds no list under the key 'sources'.")
    return entries


def _checked(entries: list[dict[str, Any]], origin: str, base: Path) -> tuple[Source, ...]:
    sources, findings = [], []
    for number, entry in enumerate(entries, start=1):
        try:
            sources.append(Source.model_validate(_prepared(entry, base)))
        except ValidationError as error:
            findings.append(explain_validation(error, f"{origin}, entry {number}", Source))
    findings += _duplicates(sources, origin)
    if findings:
        raise InputError("\n".join(findings))
    if not sources:
        raise InputError(f"{origin} lists no source.")
    return tuple(sources)


def _prepared(entry: dict[str, Any], base: Path) -> dict[str, Any]:
    prepared = {str(name): value for name, value in entry.items()}
    if isinstance(scenes := prepared.get("scenes"), str):
        parts = (part.strip() for part in _SCENE_SEPARATORS.split(scenes))
        prepared["scenes"] = [part for part in parts if part]
    uri = prepared.get("uri")
    if isinstance(uri, str) and uri and ":" not in uri.split("/", 1)[0]:
        prepared["uri"] = str((base / _expand(uri)).absolute())
    return prepared


def _duplicates(sources: list[Source], origin: str) -> list[str]:
    counts = Counter(source.source_id for source in sources)
    return [
        f"{origin}: the source_id {name!r} stands {count} times; each source needs its own"
        for name, count in counts.items()
        if count > 1
    ]


def _from_folder(folder: Path) -> tuple[Source, ...]:
    """List the media under a folder; not what is hidden, nor what the program itself keeps."""
    own = {settings().workspace, settings().models, settings().home}
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in MEDIA_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and own.isdisjoint(path.absolute().parents)
    )
    if not found:
        raise InputError(
            f"The folder {folder} holds no video or photo ({' '.join(sorted(MEDIA_SUFFIXES))})."
        )
    return tuple(
        Source(source_id=_folder_id(path.relative_to(folder)), uri=str(path.resolve()))
        for path in found
    )


def _folder_id(path: Path) -> str:
    """Name a file of a folder by its own path alone, so that files added later rename nobody."""
    name = path.as_posix()
    slug = _slug(name)
    if slug == name:
        return slug
    return f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _slug(text: str) -> str:
    """Make a valid source id out of a file's name; the same name gives the same id."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:_ID_LENGTH]
    return slug or "source-" + hashlib.sha256(text.encode()).hexdigest()[:12]
