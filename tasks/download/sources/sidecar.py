"""Sidecars: what yt-dlp, gallery-dl and img2dataset write beside a file about its origin."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tasks.common.records import SceneTag
from tasks.common.uri import redacted

INFO = ".info.json"
_MAX_BYTES = 32 << 20  # yt-dlp's grow with the formats and comments of a video
_TAG = TypeAdapter(SceneTag)
_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
# The keys of each property, the best first: those of yt-dlp, then of gallery-dl and img2dataset.
_KEYS = {
    "entry": ("id", "key", "tweet_id"),
    "uploader": ("uploader", "uploader_id", "channel", "author", "user", "creator", "username"),
    "licence": ("license", "licence"),
    "shared_at": ("upload_date", "date", "timestamp"),
}
_TITLES = ("title", "fulltitle", "caption", "description")
_ADDRESSES = ("webpage_url", "original_url", "post_url", "url")
_MAX_TITLE = 200


def find_sidecar(path: Path) -> Path | None:
    """Return the sidecar of a file, or None."""
    names = (f"{path.stem}{INFO}", f"{path.name}.json", f"{path.stem}.json")
    return next((file for name in names if (file := path.with_name(name)).is_file()), None)


def read_sidecar(sidecar: Path) -> dict[str, Any] | None:
    """Return fields of `Source` that a sidecar gives; None if it cannot be read.

    A JSON file that says nothing of an origin, such as labels of another tool, gives none.
    """
    try:
        if sidecar.stat().st_size > _MAX_BYTES:
            return None
        values = json.loads(sidecar.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return {}
    found = {name: _first(values, keys) for name, keys in _KEYS.items()}
    address, title = _first(values, _ADDRESSES), _first(values, _TITLES)
    # Not of any JSON: an id alone says nothing.
    if address is None and found["uploader"] is None:
        return {}
    found["shared_at"] = _as_day(found["shared_at"])
    source = f"({redacted(address)})" if address else ""
    found["attribution"] = " ".join(filter(None, ((title or "")[:_MAX_TITLE], source))) or None
    properties: dict[str, Any] = {name: value for name, value in found.items() if value}
    return properties | {"scenes": tuple(_tags(values.get("tags")))}


def _first(values: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = values.get(key)
        if isinstance(value, dict):  # gallery-dl: {"author": {"name": …}}
            value = value.get("name") or value.get("screen_name") or value.get("id")
        if isinstance(value, str | int | float) and str(value).strip():
            return str(value).strip()
    return None


def _as_day(text: str | None) -> str | None:
    match = _DAY.fullmatch(text or "")
    return "-".join(match.groups()) if match else text


def _tags(tags: object) -> Iterator[str]:
    for tag in tags if isinstance(tags, list) else ():
        try:
            yield _TAG.validate_python(tag)
        except ValidationError:  # longer than a tag, or with other characters
            continue
