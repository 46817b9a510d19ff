"""Folders of videos and photos, with everything below them."""

import os
from collections.abc import Iterator, Set
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import quote_from_bytes

from pydantic import Field

from tasks.common.errors import InputError, SourceError
from tasks.common.files import digest_file
from tasks.common.records import Source
from tasks.common.settings import Settings
from tasks.download.fetchers.local import local_path, local_uri
from tasks.download.seen import SeenSources
from tasks.download.sources.collection import Collection, Context
from tasks.download.sources.slug import unique_slug

_VIDEO = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".ts", ".mpg", ".mpeg", ".3gp")
_PHOTO = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
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
        paths = [
            path
            for path in find_media(folder, context.settings)
            if not self.patterns or _matches(path.relative_to(folder), self.patterns)
        ]
        if not paths:
            raise InputError(
                f"The folder {folder} holds no video or photo ({' '.join(sorted(MEDIA_SUFFIXES))})"
                + (f" that matches {' '.join(self.patterns)}." if self.patterns else ".")
            )
        # From the path inside the folder: two folders may each have a `clip.mp4`, and a moved
        # folder keeps its ids.
        slugs = [unique_slug(printable(path.relative_to(folder))) for path in paths]
        taken_ids = {f"{self.prefix}{slug}" for slug in slugs} | context.listed_ids
        seen = SeenSources(context.workspace)
        for path, slug in zip(paths, slugs, strict=True):
            source = self.source(slug, local_uri(path.resolve()))
            yield _with_former_id(source, path, folder, seen, taken_ids)


def printable(relative: Path) -> str:
    """Return a relative path as text; the bytes of a name that is not UTF-8 as percent escapes."""
    text = relative.as_posix()
    try:
        text.encode()
    except UnicodeEncodeError:
        return quote_from_bytes(os.fsencode(text), safe="/ ")
    return text


def find_media(folder: Path, settings: Settings) -> list[Path]:
    """Return the media under a folder, sorted; hidden files and matteflow's folders are skipped.

    Without that, a list of the current folder would ingest the pictures of the workspace in it.
    """
    own = {settings.workspace, settings.models, settings.home, settings.scratch}
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in MEDIA_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and own.isdisjoint(path.absolute().parents)
    )


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
