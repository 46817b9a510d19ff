"""Folders of videos and photos, looked through with all that lies below them."""

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from pydantic import Field

from tasks.common.errors import InputError
from tasks.common.files import digest_file
from tasks.common.records import Source
from tasks.common.settings import Settings
from tasks.download.seen import Ledger
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
        found = [
            path
            for path in find_media(folder, context.settings)
            if not self.patterns or _matches(path.relative_to(folder), self.patterns)
        ]
        if not found:
            raise InputError(
                f"The folder {folder} holds no video or photo ({' '.join(sorted(MEDIA_SUFFIXES))})"
                + (f" that matches {' '.join(self.patterns)}." if self.patterns else ".")
            )
        named = {
            f"{self.prefix}{unique_slug(path.relative_to(folder).as_posix())}" for path in found
        }
        ledger = Ledger(context.workspace)
        for path in found:
            made = self.source(
                unique_slug(path.relative_to(folder).as_posix()), str(path.resolve())
            )
            yield _under_its_old_name(made, path, ledger, named)


def find_media(folder: Path, settings: Settings) -> list[Path]:
    """Return the media under a folder, sorted; not what is hidden or the program itself keeps."""
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


def _under_its_old_name(made: Source, path: Path, ledger: Ledger, named: set[str]) -> Source:
    """Keep a file's id when somebody renamed it, so that it counts as known and changes no side.

    Renamed is what has a new name, while the file that brought the same bytes is gone.
    """
    if ledger.find(made.source_id) is not None or not ledger.has_any():
        return made
    for known in ledger.providers(digest_file(path)):
        was = Path(known.source.uri)
        is_free = known.source.source_id not in named and known.source.listing is None
        if is_free and (was == path.resolve() or not was.exists()):
            return made.model_copy(update={"source_id": known.source.source_id})
    return made
