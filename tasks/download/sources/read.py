"""Source lists, read and checked before any work: single sources and whole collections."""

from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tasks.common.errors import InputError
from tasks.common.records import Source
from tasks.common.settings import settings
from tasks.common.uri import scheme_of
from tasks.common.validation import explain_validation
from tasks.common.workspace.artifacts import Workspace
from tasks.download.community.collection import CommunityCollection
from tasks.download.http.revisions import with_revisions
from tasks.download.seen import SeenSources
from tasks.download.sources.coco import CocoCollection
from tasks.download.sources.collection import Collection, Context, expand
from tasks.download.sources.folder import FolderCollection
from tasks.download.sources.mmseg import CustomCollection
from tasks.download.sources.own_id import with_own_id
from tasks.download.sources.rows import (
    Entry,
    csv_rows,
    parquet_rows,
    parse_yaml,
    read_text,
    split_scenes,
)
from tasks.download.sources.s3 import BucketCollection
from tasks.download.sources.slug import slug

_COLLECTIONS: dict[str, type[Collection]] = {
    "folder": FolderCollection,
    "bucket": BucketCollection,
    "community": CommunityCollection,
    "coco": CocoCollection,
    "custom": CustomCollection,
}
_LIST = "list"
_LISTS = (".csv", ".yaml", ".yml", ".parquet")
# A list that includes itself would never end; real ones are two deep.
_MAX_DEPTH = 5


def read_sources(name: str) -> tuple[Source, ...]:
    """Read the sources to ingest; `name` is that of a shipped list, a path or a URI.

    Raises:
        InputError: there is no such list, or entries are wrong; the message names every error.
        WorldError: a server that lists sources does not respond.
    """
    return with_revisions(_read(name), settings())


def _read(name: str) -> tuple[Source, ...]:
    """Read a shipped list, a list file, a folder, a file, or the URI of a file or bucket."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        escaped = name.encode("utf-8", "backslashreplace").decode()
        raise InputError(
            f"The name {escaped} is not UTF-8. Rename it, or give the folder that it is in."
        ) from error
    context = Context(Path(), settings(), Workspace.of(settings()))
    shipped = files("deployments").joinpath("sources", f"{name}.yaml")
    if shipped.is_file():
        values = parse_yaml(shipped.read_text(encoding="utf-8"), name)
        return _validated(_from_yaml(values, name), name, context)
    if name.startswith("s3://") and name.endswith("/"):
        return _validated([{"bucket": name}], name, context)
    # Before local paths: `s3://bucket/a.mp4` is one file.
    if scheme_of(name):
        return (_single(slug(Path(name.partition("?")[0]).stem), name, context),)
    path = expand(name)
    context = context._replace(base=path.parent)
    if path.is_dir():
        return _validated([{"folder": str(path.absolute())}], name, context)
    if not path.is_file():
        raise InputError(
            f"There is no {name!r}: expected a source list (.csv, .yaml, .parquet), a folder of "
            "videos and photos, one such file, or the name of a list that comes with the project "
            "(demo)."
        )
    if path.suffix.lower() in _LISTS:
        return _validated(_entries(path, name), name, context)
    return (_single(slug(path.stem), str(path.resolve()), context),)


def _single(source_id: str, uri: str, context: Context) -> Source:
    return with_own_id(Source(source_id=source_id, uri=uri), SeenSources(context.workspace))


def _entries(path: Path, origin: str) -> list[Entry]:
    if path.suffix.lower() == ".csv":
        return csv_rows(read_text(path), origin)
    if path.suffix.lower() == ".parquet":
        return parquet_rows(path)
    return _from_yaml(parse_yaml(read_text(path), origin), origin)


def _from_yaml(values: dict[str, Any], origin: str) -> list[Entry]:
    """Return the entries of a list; a file that describes one collection is a list of one entry."""
    if not _COLLECTIONS.keys().isdisjoint(values):
        return [values]
    entries = values.get("sources")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{origin} holds no list under the key 'sources'.")
    return entries


def _validated(
    entries: list[Entry], origin: str, context: Context, depth: int = 0
) -> tuple[Source, ...]:
    """Validate all entries and collect the errors, so that the user can fix them in one go."""
    sources: list[Source] = []
    errors: list[str] = []
    listed_ids = {str(entry["source_id"]) for entry in entries if "source_id" in entry}
    context = context._replace(listed_ids=context.listed_ids | listed_ids)
    # From 1, as people count the lines of their list.
    for number, entry in enumerate(entries, start=1):
        try:
            sources += _expanded(entry, context, depth)
        except ValidationError as error:
            kind = _collection_of(entry) or Source
            errors.append(explain_validation(error, f"{origin}, entry {number}", kind))
    errors += _duplicates(sources, origin)
    if errors:
        raise InputError("\n".join(errors))
    if not sources:
        raise InputError(f"{origin} lists no source.")
    return tuple(sources)


def _expanded(entry: Entry, context: Context, depth: int) -> Iterator[Source]:
    """Yield the sources of an entry: one, those of a collection, or those of another list."""
    prepared = {str(name): value for name, value in entry.items()}
    if "scenes" in prepared and isinstance(prepared["scenes"], str):
        prepared["scenes"] = split_scenes(prepared["scenes"])
    kind = _collection_of(prepared)
    if kind is not None:
        seen = SeenSources(context.workspace)
        for source in kind.model_validate(prepared).sources(context):
            # An entry of a community has a name that the community gave it.
            is_named = source.uri.startswith("community:")
            yield source if is_named else with_own_id(source, seen)
    elif prepared.keys() == {_LIST}:
        yield from _nested_list(str(prepared[_LIST]), context, depth)
    else:
        uri = prepared.get("uri")
        # Relative to the list, so that a list can be moved together with its files.
        if isinstance(uri, str) and uri and not scheme_of(uri):
            prepared["uri"] = str(context.path(uri))
        yield Source.model_validate(prepared)


def _nested_list(name: str, context: Context, depth: int) -> tuple[Source, ...]:
    path = context.path(name)
    if depth == _MAX_DEPTH:
        raise InputError(f"{path}: lists include each other more than {_MAX_DEPTH} deep.")
    if path.suffix.lower() not in _LISTS or not path.is_file():
        raise InputError(f"There is no list {path} (.csv, .yaml, .parquet).")
    # Paths in the inner list are relative to that list.
    inner = context._replace(base=path.parent)
    return _validated(_entries(path, str(path)), str(path), inner, depth + 1)


def _collection_of(entry: Entry) -> type[Collection] | None:
    return next((kind for key, kind in _COLLECTIONS.items() if key in entry), None)


def _duplicates(sources: list[Source], origin: str) -> list[str]:
    # Over all entries, nested ones included: ids name artifacts, and two sources of one id would
    # share theirs.
    counts = Counter(source.source_id for source in sources)
    return [
        f"{origin}: the source_id {name!r} occurs {count} times; each source needs its own "
        "(a collection's ids are kept apart by its 'prefix')"
        for name, count in counts.items()
        if count > 1
    ]
