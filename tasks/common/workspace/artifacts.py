"""The workspace: where artifacts lie, how they are written, and when they may be trusted.

An artifact is a folder `<workspace>/<stage>/<key[:2]>/<key>/` named by its inputs. Its files are
written first, its tables next and `artifact.json` last: without that file the artifact does not
exist. Two writers of one artifact write the same bytes under the same names, so a race is harmless.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import Field

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes, digest_file
from tasks.common.records import Drop, Record, SourceDrop, Stage, StageResult
from tasks.common.schema.columns import from_frame, plain_rows, to_frame
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.run_crops import RunCrops
from tasks.common.schema.tables import digest_table, drops_table, encode_table, read_table
from tasks.common.settings import Settings
from tasks.common.store.address import open_prefix
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.backend import BucketBackend, FolderBackend, StorageBackend, Writes

R = TypeVar("R")
_MARKER = "artifact.json"
_VERIFY_THREADS = 4


class _Marker(Record):
    """The content of `artifact.json`."""

    result: StageResult
    tables: dict[str, str]
    sizes: dict[str, int] = Field({}, description="bytes of each file that was put")


class Workspace:
    """What all workers share; every path in a table is relative to it.

    `root` is the folder itself, or with `shared` this machine's copy of a bucket.
    """

    def __init__(self, root: Path, *, verify: str = "digest", shared: ObjectStore | None = None):
        self.root = root
        self._place: StorageBackend = (
            FolderBackend(root) if shared is None else BucketBackend(root, shared)
        )
        self._compare_digests = verify == "digest"

    @classmethod
    def of(cls, settings: Settings) -> "Workspace":
        """Open the workspace that the settings name."""
        return _open(settings.workspace, settings.verify, settings.shared)

    def probe(self) -> None:
        """Try, before any work, whether it can be written.

        Raises:
            InputError: somebody has to change something; the sentence says what.
            WorldError: nobody answers.
        """
        self._place.probe()

    @property
    def place(self) -> str:
        """How sentences call this workspace."""
        return (
            str(self.root) if isinstance(self._place, FolderBackend) else self.url("").rstrip("/")
        )

    def url(self, relative: str) -> str:
        """Return the address of a file, for people."""
        return self._place.url(relative)

    def path(self, relative: str) -> Path:
        """Return where a file of a table can be read on this machine."""
        return self._place.path(relative)

    def read(self, relative: str) -> bytes | None:
        """Return a file as it is now for everybody, or None; for what is not named by content."""
        return self._place.read(relative)

    def names(self, folder: str) -> list[str]:
        """Return the files under a folder, sorted."""
        return self._place.names(folder)

    def write(self, relative: str, data: bytes, later: Writes | None = None) -> None:
        """Write a file whole or not at all; with `later` it is there when that is done."""
        self._place.write(relative, data, later)

    def keep(self, relative: str, file: Path, digest: str) -> None:
        """Move a finished file of this machine in, by its sha256."""
        self._place.keep(relative, file, digest)

    def remove(self, relatives: Iterable[str]) -> None:
        """Remove files; what is not there is no error."""
        self._place.remove(relatives)

    def folder(self, stage: Stage, key: str) -> str:
        """Return the artifact's folder, relative to the workspace."""
        return f"{stage}/{key[:2]}/{key}"

    def items(self, result: StageResult) -> pd.DataFrame:
        """Read the table of what a stage handed on."""
        return self._table(result, "items")

    def rows(self, kind: type[R], result: StageResult) -> list[R]:
        """Read what a stage handed on, as rows of the table's dataclass.

        Raises:
            ArtifactError: the table is gone or damaged, or was written by an older version.
        """
        try:
            return from_frame(kind, self.items(result))
        except ValueError as error:
            raise ArtifactError(
                f"The {result.stage} artifact {result.key} comes from another version: {error}. "
                "Run the same ingest again; finished work is reused where it still fits."
            ) from error

    def drops(self, result: StageResult) -> pd.DataFrame:
        """Read the table of what a stage dropped, and why."""
        return self._table(result, "drops")

    def run_crops(self, result: StageResult) -> RunCrops:
        """Read the `crops` table of a run, as `deduplicate` wrote it, with its drops.

        Raises:
            ArtifactError: as of `rows`.
        """
        drops = plain_rows(self.drops(result))
        return RunCrops(
            tuple(self.rows(RunCrop, result)), tuple(map(SourceDrop.model_validate, drops))
        )

    def _table(self, result: StageResult, name: str) -> pd.DataFrame:
        path = self.path(f"{self.folder(result.stage, result.key)}/{name}.parquet")
        try:
            return read_table(path)
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"The {name} table of stage {result.stage} is gone or damaged ({path}). "
                "Run the same ingest again: what is missing is made again."
            ) from error

    def find(self, stage: Stage, key: str) -> StageResult | None:
        """Return the artifact's account if it is there and every byte of it can be trusted."""
        folder = self.folder(stage, key)
        try:
            marker = _Marker.model_validate_json(self.read(f"{folder}/{_MARKER}") or b"")
            if not all(
                self._has_digest(f"{folder}/{name}.parquet", digest)
                for name, digest in marker.tables.items()
            ):
                return None
            files = dict(_files_of(self.items(marker.result)))
        except (OSError, ValueError, ArtifactError):
            return None
        sizes = {f"{folder}/{name}": size for name, size in marker.sizes.items()}
        is_whole = self._place.are_there(list(files), sizes) and self._copies_are_whole(files)
        return marker.result if is_whole else None

    def _copies_are_whole(self, files: Mapping[str, str]) -> bool:
        here = [pair for pair in files.items() if self._place.has_copy(pair[0])]
        with ThreadPoolExecutor(_VERIFY_THREADS) as pool:
            return all(pool.map(lambda pair: self.is_whole(*pair), here))

    def is_whole(self, relative: str, digest: str) -> bool:
        """Say whether a file is there with the bytes that were written (or merely not empty)."""
        if self._compare_digests:
            return self._has_digest(relative, digest)
        try:
            return self.path(relative).stat().st_size > 0
        except OSError:
            return False

    def _has_digest(self, relative: str, digest: str) -> bool:
        is_same = _digest(self.path(relative)) == digest
        if not is_same and self._place.discard_copy(relative):
            is_same = _digest(self.path(relative)) == digest
        return is_same

    def trim(self, max_bytes: int) -> int:
        """Remove this machine's longest unused copies beyond a size; return the bytes removed."""
        return self._place.trim(max_bytes)

    def invalidate(self, stage: Stage, key: str) -> None:
        """Remove an artifact's marker, so that the artifact counts as missing and is made again."""
        self.remove([f"{self.folder(stage, key)}/{_MARKER}"])


@cache
def _open(root: Path, verify: str, shared: str) -> Workspace:
    """Open each workspace once: that of a bucket holds connections."""
    return Workspace(root, verify=verify, shared=open_prefix(shared) if shared else None)


def _digest(path: Path) -> str | None:
    try:
        return digest_file(path)
    except OSError:
        return None


def _is_path(column: str) -> bool:
    """Say whether a column names files of this artifact.

    A column with a prefix, such as `crop.path`, repeats a row of another stage's table: that stage
    answers for the file.
    """
    return "." not in column and (column == "path" or column.endswith("_path"))


def _without_paths(items: pd.DataFrame) -> pd.DataFrame:
    """Leave out where files lie, which depends on the key; their digests stay."""
    names = [name for name in map(str, items.columns) if not _is_path(name.rpartition(".")[2])]
    return items[names]


def _files_of(items: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for column in map(str, items.columns):
        if _is_path(column):
            digests = items[column.removesuffix("path") + "digest"]
            pairs = zip(items[column], digests, strict=True)
            yield from ((path, digest) for path, digest in pairs if not pd.isna(path))


class ArtifactWriter:
    """Writes one artifact; nothing counts until `commit` has returned."""

    def __init__(self, workspace: Workspace, stage: Stage, key: str):
        self.workspace = workspace
        self.stage = stage
        self.key = key
        self._folder = workspace.folder(stage, key)
        self._writes: Writes = []
        self._sizes: dict[str, int] = {}

    def put(self, name: str, data: bytes) -> tuple[str, str]:
        """Write one file of the artifact; return its path in the workspace and its sha256."""
        relative = f"{self._folder}/{name}"
        self.workspace.write(relative, data, self._writes)
        self._sizes[name] = len(data)
        return relative, digest_bytes(data)

    def commit_rows(
        self, kind: type[R], rows: Iterable[R], drops: Iterable[Drop], *, n_in: int
    ) -> StageResult:
        """Write the table of these rows, as `commit` does."""
        return self.commit(to_frame(kind, rows), drops, n_in=n_in)

    def commit(self, items: pd.DataFrame, drops: Iterable[Drop], *, n_in: int) -> StageResult:
        """Write the tables, then the marker; every input item is either kept or in `drops`."""
        dropped = drops_table(drops)
        result = StageResult(
            stage=self.stage,
            key=self.key,
            digest=content_key(self.stage, digest_table(_without_paths(items))),
            n_in=n_in,
            n_kept=n_in - len(dropped),
            n_dropped=len(dropped),
            n_out=len(items),
        )
        encoded = {"items": encode_table(items), "drops": encode_table(dropped)}
        tables = {name: self.put(f"{name}.parquet", data)[1] for name, data in encoded.items()}
        for write in self._writes:
            write.result()
        marker = _Marker(result=result, tables=tables, sizes=self._sizes).model_dump(mode="json")
        self.workspace.write(f"{self._folder}/{_MARKER}", json.dumps(marker, indent=1).encode())
        return result


def reuse_or_make(
    workspace: Workspace, stage: Stage, key: str, make: Callable[[ArtifactWriter], StageResult]
) -> StageResult:
    """Return the artifact as it lies there, or make it."""
    return workspace.find(stage, key) or make(ArtifactWriter(workspace, stage, key))
