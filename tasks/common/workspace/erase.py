"""Erasure of everything in a workspace that a person's media led to, and the search that proves it.

A file goes when its name, its text or a table beside it names the person. So a place that a later
program adds is covered too: `corrections/`, `decisions/` and `traits/` by the media in their paths,
pages by what they say. Artifacts go whole, since their pictures name nobody; every one of them can
be made again of the sources that stay.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tasks.common.errors import ArtifactError
from tasks.common.records import StageResult
from tasks.common.workspace.artifact_files import MARKER
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.needles import Needles
from tasks.common.workspace.takedowns import FOLDER as TAKEDOWNS

_ARTIFACT = re.compile(r"([a-z]+/[0-9a-f]{2}/[0-9a-f]{40})/.+")
_MATTE = re.compile(r"matte/items/[^/]+/[0-9a-f]{2}/([0-9a-f]{64})\.png")
# Records that also say something of other sources: the rest of them stays.
_SHARED = ("runs/", "orders/", "decisions/")
_LEFTOVER_S = 3600.0  # an unfinished file of this age has no writer any more


class Searched(NamedTuple):
    """A place that was searched: how many files, and those that still name the person."""

    place: str
    n_files: int
    found: tuple[str, ...]


def erase_from_workspace(workspace: Workspace, needles: Needles) -> int:
    """Remove every file that names the person; return the number of files removed or rewritten.

    It may be repeated, also after it was killed. Run it while no run is active: a run that computes
    from what is erased fails, and can be retried without it.
    """
    units = _units(workspace.names(""))
    doomed = {unit for unit, names in units.items() if _is_doomed(workspace, unit, names, needles)}
    kept_crops = {
        digest
        for unit in units.keys() - doomed
        if unit.startswith("detect/") and not _is_file(unit, units)
        for digest in _crop_digests(workspace, unit)
    }
    n_changed = 0
    for unit in sorted(doomed):
        if _is_file(unit, units) and unit.startswith(_SHARED) and unit.endswith(".json"):
            _rewrite(workspace, unit, needles)
            n_changed += 1
        else:
            # The marker first, so that no run takes what is left for an artifact.
            names = sorted(units[unit], key=lambda name: not name.endswith(f"/{MARKER}"))
            workspace.remove(names)
            n_changed += len(names)
    # Mattes are named by the crop's picture alone. Those of no crop are removed as well: the crops
    # of the person may be gone longer than this.
    mattes = ((name, _MATTE.fullmatch(name)) for names in units.values() for name in names)
    orphans = [name for name, match in mattes if match and match[1] not in kept_crops]
    workspace.remove(orphans)
    return n_changed + len(orphans) + workspace.remove_leftovers(_LEFTOVER_S)


def search_workspace(workspace: Workspace, needles: Needles) -> list[Searched]:
    """Search every file of the workspace once more; return each top folder with what was found."""
    counts: dict[str, int] = {}
    found: dict[str, list[str]] = {}
    for name in workspace.names(""):
        top = name.partition("/")[0]
        counts[top] = counts.get(top, 0) + 1
        if needles.name(name) or needles.are_in_file(name, _content(workspace, name)):
            found.setdefault(top, []).append(name)
    return [Searched(top, n, tuple(found.get(top, ()))) for top, n in sorted(counts.items())]


def _units(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the files of each artifact by its folder; each other file is a unit of its own."""
    units: dict[str, list[str]] = {}
    for name in names:
        match = _ARTIFACT.fullmatch(name)
        units.setdefault(match[1] if match else name, []).append(name)
    return units


def _is_file(unit: str, units: Mapping[str, list[str]]) -> bool:
    return units[unit] == [unit]


def _is_doomed(workspace: Workspace, unit: str, names: list[str], needles: Needles) -> bool:
    if unit.startswith(TAKEDOWNS):  # rewritten last: until then it says what is to be erased
        return False
    if any(map(needles.name, names)):
        return True
    is_artifact = names != [unit]
    # Without its marker nothing says what the pictures of an artifact show.
    if is_artifact and f"{unit}/{MARKER}" not in names:
        return True
    return any(needles.are_in_file(name, _content(workspace, name)) for name in names)


def _content(workspace: Workspace, name: str) -> bytes | None:
    is_opaque = name.startswith("download/media/") or name.endswith((".png", ".jpg"))
    return b"" if is_opaque else workspace.read(name)


def _crop_digests(workspace: Workspace, unit: str) -> Iterator[str]:
    key = unit.rpartition("/")[2]
    result = StageResult(stage="detect", key=key, digest="", n_in=0, n_kept=0, n_dropped=0, n_out=0)
    try:
        yield from workspace.item_table(result).column("digest").to_pylist()
    except (ArtifactError, KeyError):
        return


def _rewrite(workspace: Workspace, name: str, needles: Needles) -> None:
    """Write a record without the person; remove it if that is not possible."""
    try:
        value = needles.without(json.loads(workspace.read(name) or b""))
    except ValueError:
        workspace.remove([name])
        return
    text = json.dumps(value, ensure_ascii=False, indent=1)
    if needles.are_in(text) or needles.name(name):
        workspace.remove([name])
    else:
        workspace.write(name, text.encode())
