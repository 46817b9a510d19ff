"""The workspace: where artifacts are stored, how they are written, and when they can be trusted.

An artifact is a folder `<workspace>/<stage>/<key[:2]>/<key>/`, named by the digest of its inputs.
Its files are written first, its tables next and `artifact.json` last; without that file the
artifact does not exist. Two writers of one artifact write the same bytes to the same names, so a
race is harmless.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes, digest_file
from tasks.common.records import Drop, SourceDrop, Stage, StageResult
from tasks.common.schema.columns import from_table, to_table
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.run_crops import RunCrops
from tasks.common.schema.tables import digest_table, drops_table, encode_table, read_table
from tasks.common.settings import Settings
from tasks.common.store.address import open_prefix
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifact_files import MARKER, Marker, files_of, without_paths
from tasks.common.workspace.backend import FolderBackend, StorageBackend, Writes
from tasks.common.workspace.bucket import BucketBackend

R = TypeVar("R")
_VERIFY_THREADS = 4  # hashlib releases the GIL, so digests are computed on several cores


class Workspace:
    """The storage that all workers share; every path in a table is relative to it.

    `root` is the shared folder itself or, with a `shared` bucket, the folder of this machine's
    copies. `verify` is `digest` to compare every byte before reuse, or `size`.
    """

    def __init__(self, root: Path, *, verify: str = "digest", shared: ObjectStore | None = None):
        self.root = root
        self._backend: StorageBackend = (
            FolderBackend(root) if shared is None else BucketBackend(root, shared)
        )
        self._compare_digests = verify == "digest"

    @classmethod
    def of(cls, settings: Settings) -> "Workspace":
        """Open the workspace that the settings name."""
        return _open(settings.workspace, settings.verify, settings.shared)

    def probe(self) -> None:
        """Check, before any work, that the workspace can be written.

        Raises:
            InputError: settings or permissions are wrong; the message says how to fix them.
            WorldError: the store does not answer.
        """
        self._backend.probe()

    @property
    def location(self) -> str:
        """The folder or bucket, as messages name it."""
        if isinstance(self._backend, FolderBackend):
            return str(self.root)
        return self.url("").rstrip("/")

    def url(self, relative: str) -> str:
        """Return the URL of a file, for people."""
        return self._backend.url(relative)

    def path(self, relative: str) -> Path:
        """Return a local path at which a file of a table can be read."""
        return self._backend.path(relative)

    def read(self, relative: str) -> bytes | None:
        """Return a file's current bytes, or None if it does not exist.

        For files that are not named by content and may change; local copies are bypassed.
        """
        return self._backend.read(relative)

    def names(self, folder: str) -> list[str]:
        """Return the files under a folder, sorted; the empty text takes the whole workspace."""
        return self._backend.names(folder)

    def write(
        self, relative: str, data: bytes, later: Writes | None = None, *, durable: bool = False
    ) -> None:
        """Write a file atomically; `later` collects the futures of uploads that still run.

        `durable` waits until a power cut cannot undo the write: for what nobody can compute again.
        """
        self._backend.write(relative, data, later, durable=durable)

    def move_in(self, relative: str, file: Path, digest: str) -> None:
        """Move a finished local file into the workspace; `digest` is its sha256."""
        self._backend.move_in(relative, file, digest)

    def remove(self, relatives: Iterable[str]) -> None:
        """Remove files; a missing file is no error."""
        self._backend.remove(relatives)

    def remove_leftovers(self, older_than_s: float) -> int:
        """Remove unfinished files of killed writers, and copies of files that are gone."""
        return self._backend.remove_leftovers(older_than_s)

    def folder(self, stage: Stage, key: str) -> str:
        """Return the artifact's folder, relative to the workspace."""
        return f"{stage}/{key[:2]}/{key}"

    def items(self, result: StageResult) -> pd.DataFrame:
        """Read the items table of a stage as a pandas frame."""
        frame: pd.DataFrame = self.item_table(result).to_pandas()
        return frame

    def item_table(self, result: StageResult) -> pa.Table:
        """Read the items table of a stage.

        Raises:
            ArtifactError: the table is missing or damaged.
        """
        return self._table(result, "items")

    def rows(self, kind: type[R], result: StageResult) -> list[R]:
        """Read the items of a stage as rows of the table's dataclass.

        Raises:
            ArtifactError: the table is missing or damaged, or was written by another version.
        """
        try:
            return from_table(kind, self.item_table(result))
        except ValueError as error:
            raise ArtifactError(
                f"The {result.stage} artifact {result.key} was written by another version: "
                f"{error}. Run the same ingest again; finished work is reused where it still fits."
            ) from error

    def drops(self, result: StageResult) -> pd.DataFrame:
        """Read the drops table of a stage as a pandas frame."""
        frame: pd.DataFrame = self._table(result, "drops").to_pandas()
        return frame

    def drop_rows(self, result: StageResult) -> list[dict[str, Any]]:
        """Read the drops of a stage as the values of `Drop` or `SourceDrop`."""
        rows: list[dict[str, Any]] = self._table(result, "drops").to_pylist()
        return rows

    def run_crops(self, result: StageResult) -> RunCrops:
        """Read the `crops` table of a run, as `deduplicate` wrote it, with its drops.

        Raises:
            ArtifactError: as of `rows`.
        """
        drops = map(SourceDrop.model_validate, self.drop_rows(result))
        return RunCrops(tuple(self.rows(RunCrop, result)), tuple(drops))

    def _table(self, result: StageResult, name: str) -> pa.Table:
        path = self.path(f"{self.folder(result.stage, result.key)}/{name}.parquet")
        try:
            return read_table(path)
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"The {name} table of stage {result.stage} is missing or damaged ({path}). "
                "Run the same ingest again; it computes what is missing."
            ) from error

    def exists(self, stage: Stage, key: str) -> bool:
        """Say whether there is an artifact of this name, whole or not; `find` checks every byte."""
        return self.read(f"{self.folder(stage, key)}/{MARKER}") is not None

    def find(self, stage: Stage, key: str) -> StageResult | None:
        """Return the stage's result if the artifact is complete and undamaged, else None.

        Checks the marker, then the tables, then the files that the tables name. A problem of any
        kind counts as a missing artifact: computing it again is always safe.
        """
        folder = self.folder(stage, key)
        try:
            # By `read`, not from a local copy: another machine may have invalidated the artifact.
            marker = Marker.model_validate_json(self.read(f"{folder}/{MARKER}") or b"")
            if not all(
                self._has_digest(f"{folder}/{name}.parquet", digest)
                for name, digest in marker.tables.items()
            ):
                return None
            # The items table was just compared with its digest, so its list of files can be
            # trusted.
            files = dict(files_of(self.item_table(marker.result)))
        # ValueError: a marker of another version, or cut off.
        except (OSError, ValueError, ArtifactError):
            return None
        sizes = {f"{folder}/{name}": size for name, size in marker.sizes.items()}
        # Other machines must be able to read the files, and copies on this one must be intact.
        is_whole = self._backend.are_stored(list(files), sizes) and self._copies_are_whole(files)
        return marker.result if is_whole else None

    def _copies_are_whole(self, files: Mapping[str, str]) -> bool:
        """Check the files on this machine; a bucket checked what arrived, by its sha256."""
        local = [pair for pair in files.items() if self._backend.has_copy(pair[0])]
        with ThreadPoolExecutor(_VERIFY_THREADS) as pool:
            return all(pool.map(lambda pair: self.is_whole(*pair), local))

    def is_whole(self, relative: str, digest: str) -> bool:
        """Say whether a file has this sha256; with `verify` of `size`, whether it is not empty."""
        if self._compare_digests:
            return self._has_digest(relative, digest)
        try:
            return self.path(relative).stat().st_size > 0
        except OSError:
            return False

    def _has_digest(self, relative: str, digest: str) -> bool:
        is_same = _file_digest(self.path(relative)) == digest
        if not is_same and self._backend.discard_copy(relative):  # then `path` fetches it again
            is_same = _file_digest(self.path(relative)) == digest
        return is_same

    def trim(self, max_bytes: int) -> int:
        """Remove the least recently used copies beyond a size; return the bytes removed."""
        return self._backend.trim(max_bytes)

    def invalidate(self, stage: Stage, key: str) -> None:
        """Remove an artifact's marker, so that it counts as missing and is computed again."""
        self.remove([f"{self.folder(stage, key)}/{MARKER}"])


@cache
def _open(root: Path, verify: str, shared: str) -> Workspace:
    """Open each workspace once per process: one in a bucket holds connections and threads."""
    return Workspace(root, verify=verify, shared=open_prefix(shared) if shared else None)


def _file_digest(path: Path) -> str | None:
    try:
        return digest_file(path)
    except OSError:
        return None


class ArtifactWriter:
    """Writes one artifact, which does not exist until `commit` has returned."""

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
        return self.commit(to_table(kind, rows), drops, n_in=n_in)

    def commit(self, items: pa.Table, drops: Iterable[Drop], *, n_in: int) -> StageResult:
        """Write the tables, then the marker; every input item is either kept or in `drops`.

        `n_in` counts input items. One item may give several rows (the people of a frame), so the
        number of kept items cannot be counted from `items`.
        """
        dropped = drops_table(drops)
        result = StageResult(
            stage=self.stage,
            key=self.key,
            # Over the table, which holds the digests of all files: pixels count, paths do not.
            digest=content_key(self.stage, digest_table(without_paths(items))),
            n_in=n_in,
            # A drop per input item: the law "in = kept + dropped" holds by construction.
            n_kept=n_in - len(dropped),
            n_dropped=len(dropped),
            n_out=len(items),
        )
        encoded = {"items": encode_table(items), "drops": encode_table(dropped)}
        tables = {name: self.put(f"{name}.parquet", data)[1] for name, data in encoded.items()}
        for write in self._writes:  # the marker must not exist before every upload has finished
            write.result()
        marker = Marker(result=result, tables=tables, sizes=self._sizes).model_dump(mode="json")
        # Not `put`: the marker is no file of the table of sizes, and it is written last.
        self.workspace.write(f"{self._folder}/{MARKER}", json.dumps(marker, indent=1).encode())
        return result


def reuse_or_make(
    workspace: Workspace, stage: Stage, key: str, make: Callable[[ArtifactWriter], StageResult]
) -> StageResult:
    """Return the stored artifact if it can be trusted, or make it."""
    return workspace.find(stage, key) or make(ArtifactWriter(workspace, stage, key))
