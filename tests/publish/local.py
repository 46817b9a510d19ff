"""A pulled folder, as the tools of a trainer see it."""

from pathlib import Path

from tasks.common.files import digest_bytes
from tasks.common.schema.layout import MANIFEST
from tasks.common.store.objects import ObjectStore
from tasks.publish.records import Commit


def files_in(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder by its name there, hidden ones too."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def published_files(store: ObjectStore, commit: Commit) -> dict[str, bytes]:
    """Return every file of a version as the store holds it."""
    keys = store.list_objects(commit.prefix)
    return {key.removeprefix(commit.prefix): store.get(key) or b"" for key in keys}


def require_sums(folder: Path) -> None:
    """Do as `sha256sum --check --strict MANIFEST.sha256`, and demand that nothing else is there."""
    files = files_in(folder)
    lines = files.pop(MANIFEST).decode().splitlines()
    assert {name: digest_bytes(data) for name, data in files.items()} == {
        line[66:]: line[:64] for line in lines if line[64:66] == "  "
    }
    assert len(lines) == len(files)
