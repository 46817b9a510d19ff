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
from tasks.common.store.objects import in_parallel
from tasks.dataset.build import MANIFEST_NAME, read_manifest
from tasks.publish.records import Commit
from tasks.publish.registry import Ledger

_BEFORE = ".MANIFEST.before"  # of the version that lay here, while another takes its place
_PART = ".part"
_HALF = re.compile(r"\..+\.[0-9a-f]{8,12}\.part")


class Pulled(NamedTuple):
    """What a pull did: where the version lies, files fetched, there already, and removed."""

    folder: Path
    n_fetched: int
    n_present: int
    n_removed: int


def pull_version(ledger: Ledger, commit: Commit, parent: Path) -> Pulled:
    """Bring a version into `parent/NAME`; what is there with the right digest stays.

    `MANIFEST.sha256` is written last: a folder without it is not whole. Files of the version that
    lay there before are removed.

    Raises:
        InputError: files lie there that belong to no version, or the disk cannot be written.
        ArtifactError: the store does not hold what was published.
    """
    folder = parent / commit.name
    manifest = ledger.store.get(commit.prefix + MANIFEST_NAME)
    if manifest is None or not digest_bytes(manifest).startswith(commit.tree):
        raise ArtifactError(
            f"{commit.label} is not whole in the store; `matteflow verify {commit.label}` tells "
            "more."
        )
    wanted = read_manifest(manifest)
    for name in wanted:
        if name.startswith("/") or {"..", ".", ""} & set(name.split("/")):
            raise ArtifactError(
                f"{commit.label} names a file {name[:80]!r}, which cannot be pulled."
            )
    with _explained(folder):
        old = _require_ours(folder, wanted)
        _set_aside(folder, manifest)
        counts = _fetch_all(ledger, commit, folder, wanted)
        for name in sorted(old):
            _remove(folder, name)
        write_file(folder / MANIFEST_NAME, manifest)
        (folder / _BEFORE).unlink(missing_ok=True)
    return Pulled(folder, counts["fetched"], counts["present"], len(old))


def _require_ours(folder: Path, wanted: dict[str, str]) -> set[str]:
    """Return files of the version that lay here before; refuse files that belong to none."""
    lists = [folder / name for name in (MANIFEST_NAME, _BEFORE)]
    before: set[str] = set()
    for path in lists:
        before |= read_manifest(path.read_bytes()).keys() if path.is_file() else set()
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    others = found - wanted.keys() - {path.name for path in lists}
    halves = {name for name in others if _HALF.fullmatch(name.rpartition("/")[2])}
    strange = sorted(others - before - halves)
    if strange:
        raise InputError(
            f"{folder} holds {len(strange)} files that belong to no version, such as {strange[0]}; "
            "a trainer would read them too. Move them away, or name another folder with --to."
        )
    return others


def _set_aside(folder: Path, manifest: bytes) -> None:
    """Take away what calls the folder whole; note whose files may lie here until it is again."""
    lists = [folder / name for name in (_BEFORE, MANIFEST_NAME)]
    noted = [path.read_bytes() for path in lists if path.is_file()]
    write_file(folder / _BEFORE, b"\n".join(dict.fromkeys([*noted, manifest])))
    (folder / MANIFEST_NAME).unlink(missing_ok=True)


def _fetch_all(
    ledger: Ledger, commit: Commit, folder: Path, wanted: dict[str, str]
) -> Counter[str]:
    names = sorted(wanted)

    def bring(name: str) -> str:
        target = folder / name
        if target.is_file() and digest_file(target) == wanted[name]:
            return "present"
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}{_PART}")
        try:
            there = ledger.store.fetch(commit.prefix + name, part)
            if not there or digest_file(part) != wanted[name]:
                state = "not what was published" if there else "missing"
                raise ArtifactError(
                    f"{name} of {commit.label} is {state} in the store; "
                    f"`matteflow verify --deep {commit.label}` tells more."
                )
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return "fetched"

    return Counter(track(in_parallel(bring, names, ledger.store), "pull", len(names)))


def _remove(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    for parent in list(Path(name).parents)[:-1]:
        if any((folder / parent).iterdir()):
            break
        (folder / parent).rmdir()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        raise InputError(
            f"{folder} cannot be written: {said}. Mend that and pull again: what is there stays."
        ) from error
