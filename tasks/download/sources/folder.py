"""Folders of videos and photos, with everything below them."""

import os
from collections.abc import Iterator, Set
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from pydantic import Field

from tasks.common.errors import InputError, SourceError
from tasks.common.files import digest_file
from tasks.common.records import Source
from tasks.common.settings import Settings
from tasks.download.fetchers.local import local_path, local_uri
from tasks.download.seen import SeenSources
from tasks.download.sources.collection import Collection, Context
from tasks.download.sources.sidecar import INFO, find_sidecar, read_sidecar
from tasks.download.sources.skipped import (
    SkipKind,
    Skipped,
    describe_skipped,
    leftover_stem,
    skip_kind,
)
from tasks.download.sources.slug import unique_slug

_VIDEO = (
    *(".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".ts", ".mpg", ".mpeg", ".3gp"),
    *(".m2ts", ".m2t", ".wmv", ".asf", ".ogv", ".3g2", ".flv"),
)
_PHOTO = (
    *(".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"),
    *(".jpe", ".jfif", ".heic", ".heif", ".hif", ".avif", ".gif"),
)
MEDIA_SUFFIXES = frozenset(_VIDEO + _PHOTO)


class FolderCollection(Collection):
    """`folder: PATH`, narrowed down by `patterns` such as `*.mp4` or `2026/*`."""

    folder: str
    patterns: tuple[str, ...] = Field((), description="of paths in the folder; * also crosses /")

    def sources(self, context: Context) -> Iterator[Source]:
        """Yield the media under the folder, named by their paths in it; see `find_media`."""
        folder = context.path(self.folder)
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}.")
        home = context.settings.home.absolute()
        if folder.absolute().is_relative_to(home):
            raise InputError(
                f"The folder {folder} lies in matteflow's own folder {home}, of which nothing is "
                "taken for a source. Move the media out of it, or set MATTEFLOW_HOME elsewhere."
            )
        skipped: list[Skipped] = []
        paths = _without_extras(
            [
                path
                for path in find_media(folder, context.settings, skipped)
                if not self.patterns or _matches(path.relative_to(folder), self.patterns)
            ],
            folder,
            skipped,
        )
        if not paths:
            raise InputError(
                f"The folder {folder} holds no video or photo ({' '.join(sorted(MEDIA_SUFFIXES))})"
                + (f" that matches {' '.join(self.patterns)}. " if self.patterns else ". ")
                + " ".join(describe_skipped(skipped))
            )
        # From the path inside the folder: two folders may each have a `clip.mp4`, and a moved
        # folder keeps its ids.
        slugs = [unique_slug(printable(path.relative_to(folder))) for path in paths]
        taken_ids = {f"{self.prefix}{slug}" for slug in slugs} | context.listed_ids
        seen = SeenSources(context.workspace)
        for path, slug in zip(paths, slugs, strict=True):
            source = self.source(slug, local_uri(path.resolve()), **_origin(path, folder, skipped))
            yield _with_former_id(source, path, folder, seen, taken_ids)
        context.skipped.extend(skipped)


def printable(relative: Path) -> str:
    """Return a relative path as text; the bytes of a name that is not UTF-8 as percent escapes."""
    text = relative.as_posix()
    try:
        text.encode()
    except UnicodeEncodeError:
        return quote_from_bytes(os.fsencode(text), safe="/ ")
    return text


def find_media(
    folder: Path, settings: Settings, skipped: list[Skipped], within: Path | None = None
) -> list[Path]:
    """Return the media under a folder, sorted; every other file is added to `skipped`.

    Links are followed inside of `within`, by default the folder itself.

    matteflow's own folders are left out without a word: a list of the current folder would ingest
    the pictures of the workspace in it.
    """
    own = {settings.workspace, settings.models, settings.home, settings.scratch}
    media = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or not own.isdisjoint(path.absolute().parents):
            continue
        relative = path.relative_to(folder)
        kind = skip_kind(relative, MEDIA_SUFFIXES)
        if kind is None and leads_out(path, within or folder):
            skipped.append(Skipped("link", printable(relative)))
        elif kind is None and path.is_file():
            media.append(path)
        elif kind is not None and not _is_sidecar(path):
            skipped.append(Skipped(kind, printable(relative)))
    return media


def leads_out(path: Path, folder: Path) -> bool:
    """Say whether a file below a folder is a link to elsewhere.

    A folder may come from strangers, such as out of an archive, and a link in it may name any
    picture of this machine.
    """
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def _is_sidecar(path: Path) -> bool:
    """Say whether a file is one that is read beside its medium."""
    if path.suffix.lower() != ".json":
        return False
    stem = path.name.removesuffix(".json").removesuffix(".info")
    names = (stem, *(f"{stem}{suffix}" for suffix in MEDIA_SUFFIXES))
    return any(Path(name).suffix.lower() in MEDIA_SUFFIXES and path.with_name(name).is_file()
               for name in names)  # fmt: skip


def _without_extras(paths: list[Path], folder: Path, skipped: list[Skipped]) -> list[Path]:
    """Return the media that are no cover and no leftover of a download beside them."""
    names = {path.with_suffix("") for path in paths}
    videos = {path.with_suffix("") for path in paths if path.suffix.lower() in _VIDEO}
    kept = []
    for path in paths:
        stem = path.with_suffix("")
        merged = leftover_stem(path.stem)
        has_info = path.with_name(f"{path.stem}{INFO}").is_file()
        kind: SkipKind | None = None
        if merged is not None and (
            path.with_name(merged) in names or path.with_name(f"{merged}{INFO}").is_file()
        ):
            kind = "leftover"
        elif path.suffix.lower() in _PHOTO and has_info and stem in videos:
            kind = "cover"
        if kind is None:
            kept.append(path)
        else:
            skipped.append(Skipped(kind, printable(path.relative_to(folder))))
    return kept


def _origin(path: Path, folder: Path, skipped: list[Skipped]) -> dict[str, Any]:
    """Return what the sidecar of a file says of its origin."""
    sidecar = find_sidecar(path)
    if sidecar is None:
        return {}
    if leads_out(sidecar, folder):
        skipped.append(Skipped("link", printable(sidecar.relative_to(folder))))
        return {}
    properties = read_sidecar(sidecar)
    if properties is None:
        skipped.append(Skipped("sidecar", printable(sidecar.relative_to(folder))))
    return properties or {}


def _matches(path: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(path.as_posix(), pattern) for pattern in patterns)


def _with_former_id(
    source: Source, path: Path, folder: Path, seen: SeenSources, taken_ids: Set[str]
) -> Source:
    """Give a renamed file the id under which its bytes are known.

    The id decides the split, so a renamed file must not count as new. A file counts as renamed if
    its name is new, its bytes are known from a file of this folder, and that one no longer exists;
    otherwise it is a copy. Digests are computed only for files with new names.
    """
    if seen.find(source.source_id) is not None or not seen.has_any():
        return source
    for former in seen.with_media(digest_file(path)):
        former_path = _path_of(former.source.uri)
        # A web address is no path of this folder: what a list names elsewhere keeps its id.
        is_of_folder = former_path.is_relative_to(folder.resolve())
        # The id of a source from a listing belongs to that listing.
        is_free = former.source.source_id not in taken_ids and former.source.listing is None
        is_gone = former_path == path.resolve() or not former_path.exists()
        if is_of_folder and is_free and is_gone:
            return source.model_copy(update={"source_id": former.source.source_id})
    return source


def _path_of(uri: str) -> Path:
    try:
        return local_path(uri)
    except SourceError:
        return Path(uri)
