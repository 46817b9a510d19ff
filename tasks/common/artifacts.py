"""The workspace: where artifacts lie, how they are written, and when they may be trusted.

An artifact is a folder `<workspace>/<stage>/<key[:2]>/<key>/` named by its inputs. Its files are
written first, its tables next and `artifact.json` last: without that file the artifact does not
exist. Two writers of one artifact write the same bytes under the same names, so a race is harmless.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes, digest_file, write_file
from tasks.common.keys import content_key
from tasks.common.records import Drop, Record, Stage, StageResult
from tasks.common.settings import Settings
from tasks.common.tables import digest_table, drops_table, encode_table, read_table

_MARKER = "artifact.json"
_VERIFY_THREADS = 4


class _Marker(Record):
    """The content of `artifact.json`."""

    result: StageResult
    tables: dict[str, str]


class Workspace:
    """A folder that all workers share; every path in a table is relative to it."""

    def __init__(self, root: Path, *, verify: str = "digest"):
        self.root = root
        self._compare_digests = verify == "digest"

    @classmethod
    def of(cls, settings: Settings) -> "Workspace":
        """Open the workspace that the settings name."""
        return cls(settings.workspace, verify=settings.verify)

    def path(self, relative: str) -> Path:
        """Return where a file of a table lies on this machine."""
        return self.root / relative

    def write(self, relative: str, data: bytes) -> None:
        """Write a file whole or not at all."""
        write_file(self.path(relative), data)

    def folder(self, stage: Stage, key: str) -> str:
        """Return the artifact's folder, relative to the workspace."""
        return f"{stage}/{key[:2]}/{key}"

    def items(self, result: StageResult) -> pd.DataFrame:
        """Read the table of what a stage handed on."""
        return self._table(result, "items")

    def drops(self, result: StageResult) -> pd.DataFrame:
        """Read the table of what a stage dropped, and why."""
        return self._table(result, "drops")

    def _table(self, result: StageResult, name: str) -> pd.DataFrame:
        path = self.path(f"{self.folder(result.stage, result.key)}/{name}.parquet")
        try:
            return read_table(path)
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"The {name} table of stage {result.stage} is gone or damaged ({path}). "
                "Run the same ingest again: what is missing is made anew."
            ) from error

    def find(self, stage: Stage, key: str) -> StageResult | None:
        """Return the artifact's account if it is there and every byte of it can be trusted."""
        folder = self.folder(stage, key)
        try:
            text = self.path(f"{folder}/{_MARKER}").read_text(encoding="utf-8")
            marker = _Marker.model_validate_json(text)
            tables = [self.path(f"{folder}/{name}.parquet") for name in marker.tables]
            if [digest_file(path) for path in tables] != list(marker.tables.values()):
                return None
            items = self.items(marker.result)
        except (OSError, ValueError, ArtifactError):
            return None
        return marker.result if self._files_are_whole(items) else None

    def _files_are_whole(self, items: pd.DataFrame) -> bool:
        with ThreadPoolExecutor(_VERIFY_THREADS) as pool:
            return all(pool.map(lambda pair: self.is_whole(*pair), _files_of(items)))

    def is_whole(self, relative: str, digest: str) -> bool:
        """Say whether a file is there with the bytes that were written (or merely not empty)."""
        path = self.path(relative)
        try:
            return digest_file(path) == digest if self._compare_digests else path.stat().st_size > 0
        except OSError:
            return False


def _is_path(column: str) -> bool:
    return column == "path" or column.endswith("_path")


def _without_paths(items: pd.DataFrame) -> pd.DataFrame:
    """Leave out where files lie, which depends on the key; their digests stay."""
    return items[[column for column in map(str, items.columns) if not _is_path(column)]]


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

    def put(self, name: str, data: bytes) -> tuple[str, str]:
        """Write one file of the artifact; return its path in the workspace and its sha256."""
        relative = f"{self._folder}/{name}"
        self.workspace.write(relative, data)
        return relative, digest_bytes(data)

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
        marker = _Marker(result=result, tables=tables).model_dump(mode="json")
        self.put(_MARKER, json.dumps(marker, indent=1).encode())
        return result


def reuse_or_make(
    workspace: Workspace, stage: Stage, key: str, make: Callable[[ArtifactWriter], StageResult]
) -> StageResult:
    """Return the artifact as it lies there, or make it."""
    return workspace.find(stage, key) or make(ArtifactWriter(workspace, stage, key))
