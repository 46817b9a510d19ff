"""Files of a folder or bucket that are no sources, by kind: none is left out without a word."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Literal, NamedTuple

SkipKind = Literal[
    "hidden",
    "system",
    "two_lens",
    "raw",
    "cover",
    "leftover",
    "sidecar",
    "link",
    "no_mask",
    "no_outline",
    "other",
]

# In lower case: what NAS boxes, cameras and operating systems keep beside people's files.
_SYSTEM_FOLDERS = frozenset(
    (
        *("@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot", "@tmp", ".@__thumb"),
        *("$recycle.bin", "recycler", "recycled", "system volume information", "lost+found"),
        *("__macosx", "found.000", "lost.dir"),
    )
)
_TWO_LENS = frozenset((".insv", ".insp", ".lrv", ".360"))
_RAW = frozenset(
    (".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".orf", ".rw2", ".raf", ".pef", ".gpr", ".srw")
)
# What yt-dlp calls the streams of one video before it merges them, and the merge under way.
_LEFTOVER = re.compile(r"(?P<stem>.+)\.(f\d+(-\d+)?|temp)")
_SENTENCES: dict[SkipKind, str] = {
    "hidden": "hidden files (names that begin with a dot)",
    "system": "files of a recycle bin, thumbnail or system folder",
    "two_lens": "camera files with two lenses or previews of them; export them as video or JPEG "
    "with the camera's software",
    "raw": "camera raw photos; develop them to JPEG",
    "cover": "covers of videos that yt-dlp downloaded",
    "leftover": "leftovers of an interrupted yt-dlp download",
    "sidecar": "sidecars that cannot be read as JSON",
    "link": "links that lead out of the folder; copy the files into it, or list them one by one",
    "no_mask": "pictures without a mask",
    "no_outline": "pictures with people who have no outline of their own (a crowd, or a box only); "
    "they would be taken for background",
    "other": "files of other formats",
}
_N_NAMED = 3


class Skipped(NamedTuple):
    """A file that is no source, and why."""

    kind: SkipKind
    name: str


def skip_kind(relative: PurePath, media_suffixes: frozenset[str]) -> SkipKind | None:
    """Say why a file below a folder is no source by its path; None if it may be one."""
    if any(part.lower() in _SYSTEM_FOLDERS for part in relative.parts[:-1]):
        return "system"
    if any(part.startswith(".") for part in relative.parts):
        return "hidden"
    suffix = relative.suffix.lower()
    if suffix in _TWO_LENS:
        return "two_lens"
    if suffix in _RAW:
        return "raw"
    return None if suffix in media_suffixes else "other"


def leftover_stem(stem: str) -> str | None:
    """Return the stem of the video whose unmerged stream a file is; None for other files."""
    match = _LEFTOVER.fullmatch(stem)
    return match and match["stem"]


def describe_skipped(skipped: Iterable[Skipped]) -> tuple[str, ...]:
    """Return a sentence per kind, with the number and the first names."""
    names: dict[SkipKind, list[str]] = defaultdict(list)
    for file in skipped:
        names[file.kind].append(file.name)
    return tuple(_sentence(kind, names[kind]) for kind in _SENTENCES if kind in names)


def _sentence(kind: SkipKind, names: Sequence[str]) -> str:
    more = f" and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else ""
    listed = ", ".join(sorted(names)[:_N_NAMED])
    what = _SENTENCES[kind]
    if kind == "other":
        suffixes = sorted({PurePath(name).suffix.lower() or "no suffix" for name in names})
        what += f" ({' '.join(suffixes[:12])})"
    return f"{len(names)} skipped: {what}: {listed}{more}."
