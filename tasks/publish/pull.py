"""A version as local files: exactly its bytes, and nothing that belongs to another version."""

import re
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tasks.common.errors import ArtifactError, InputError
from tasks.common.files import digest_bytes, digest_file, write_file
from tasks.common.progress import track
from tasks.common.schema.layout import MANIFEST, read_manifest
from tasks.common.store.objects import in_parallel
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry

_BEFORE = ".MANIFEST.before"  # the manifests of earlier pulls, while a pull runs
_PART = ".part"
# 8 hex digits are of pulls, below; 12 are of `files.replacing`, which writes the manifest.
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8,12}\.part")


class Pulled(NamedTuple):
    """What a pull did: where the version lies, files fetched, there already, and removed."""

    folder: Path
    n_fetched: int
    n_present: int
    n_removed: int


def pull_version(registry: VersionRegistry, commit: Commit, parent: Path) -> Pulled:
    """Bring a version into `parent/NAME`; files that are there with the right digest stay.

    `MANIFEST.sha256` is written last: a folder without it is not whole. Files of the version that
    lay there before are removed.

    Raises:
        InputError: files lie there that belong to no version, or the disk cannot be written.
        ArtifactError: the store does not hold what was published.
    """
    folder = parent / commit.name
    manifest = registry.store.get(commit.prefix + MANIFEST)
    if manifest is None or not digest_bytes(manifest).startswith(commit.tree):
        raise ArtifactError(
            f"{commit.label} is not whole in the store; `matteflow verify {commit.label}` lists "
            "the problems."
        )
    digests = read_manifest(manifest)
    # Data from a store must not choose where it is written: no absolute path, no `..`.
    for name in digests:
        if name.startswith("/") or {"..", ".", ""} & set(name.split("/")):
            raise ArtifactError(
                f"{commit.label} names a file {name[:80]!r}, which cannot be pulled."
            )
    with _explain_errors(folder):
        # The order makes a pull repeatable at every point: check, mark as not whole, fetch, remove,
        # write the manifest, drop the note. Files are removed after all are fetched, so that a
        # failed pull leaves a folder that the next one completes without fetching again what is in
        # both versions.
        old = _require_known_files(folder, digests)
        _invalidate(folder, manifest)
        counts = _fetch_all(registry, commit, folder, digests)
        for name in sorted(old):
            _remove(folder, name)
        write_file(folder / MANIFEST, manifest)
        (folder / _BEFORE).unlink(missing_ok=True)
    return Pulled(folder, counts["fetched"], counts["present"], len(old))


def _require_known_files(folder: Path, digests: dict[str, str]) -> set[str]:
    """Return files of the version that lay here before; refuse files that belong to none."""
    lists = [folder / name for name in (MANIFEST, _BEFORE)]
    before: set[str] = set()
    for path in lists:
        # Both: after a killed pull files of either version may lie here. A truncated manifest still
        # gives its complete lines.
        before |= read_manifest(path.read_bytes()).keys() if path.is_file() else set()
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    others = present - digests.keys() - {path.name for path in lists}
    unfinished = {name for name in others if _UNFINISHED.fullmatch(name.rpartition("/")[2])}
    foreign = sorted(others - before - unfinished)
    if foreign:
        raise InputError(
            f"{folder} holds {len(foreign)} files that belong to no version, such as {foreign[0]}; "
            "a trainer would read them too. Move them away, or name another folder with --to."
        )
    return others


def _invalidate(folder: Path, manifest: bytes) -> None:
    """Remove the manifest, which marks the folder as whole; note whose files may lie here.

    Killed after this, the next pull knows from the note which files it may replace or remove.
    """
    lists = [folder / name for name in (_BEFORE, MANIFEST)]
    noted = [path.read_bytes() for path in lists if path.is_file()]
    # The note is written before the manifest goes: killed between the two, both files name
    # everything.
    write_file(folder / _BEFORE, b"\n".join(dict.fromkeys([*noted, manifest])))
    (folder / MANIFEST).unlink(missing_ok=True)


def _fetch_all(
    registry: VersionRegistry, commit: Commit, folder: Path, digests: dict[str, str]
) -> Counter[str]:
    names = sorted(digests)

    def fetch(name: str) -> str:
        target = folder / name
        # By digest, not by size: the file may have been edited, and masks are often of equal size.
        if target.is_file() and digest_file(target) == digests[name]:
            return "present"
        target.parent.mkdir(parents=True, exist_ok=True)
        # Cut, because a file name holds at most 255 bytes; random, because two pulls may run at
        # once.
        part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}{_PART}")
        try:
            exists = registry.store.fetch(commit.prefix + name, part)
            if not exists or digest_file(part) != digests[name]:
                state = "not what was published" if exists else "missing"
                raise ArtifactError(
                    f"{name} of {commit.label} is {state} in the store; "
                    f"`matteflow verify --deep {commit.label}` lists the problems."
                )
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return "fetched"

    return Counter(track(in_parallel(fetch, names, registry.store), "pull", len(names)))


def _remove(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    # Empty folders go as well, so that the folder equals a fresh pull; the last parent is `.`
    # itself.
    for parent in list(Path(name).parents)[:-1]:
        if any((folder / parent).iterdir()):
            break
        (folder / parent).rmdir()


@contextmanager
def _explain_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        raise InputError(
            f"{folder} cannot be written: {cause}. Fix that and pull again: finished files stay."
        ) from error
