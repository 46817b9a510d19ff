"""Seen sources: which sources a workspace has downloaded, and which bytes came from each."""

from datetime import datetime
from typing import Literal

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError
from tasks.common.records import Record, Source
from tasks.common.workspace.artifacts import Workspace
from tasks.download.fetchers.registry import fingerprint

SourceStatus = Literal["new", "edited", "known"]
_FOLDER = "ledger"  # where existing workspaces keep these records


class SeenSource(Record):
    """A source as it was when it was downloaded."""

    source: Source
    media_id: str
    state: str
    noted_at: datetime


def state_of(source: Source) -> str:
    """Name the visible state of a source; another state may mean other bytes."""
    return content_key(fingerprint(source.uri), source.revision)


class SeenSources:
    """The records of a workspace.

    Each source has a record of its own, and a copy under the sha256 of its bytes. Concurrent
    runs on different sources never write the same record, so there is no lock.
    """

    def __init__(self, workspace: Workspace):
        self._workspace = workspace

    def record(self, source: Source, media_id: str, now: datetime) -> None:
        """Record that these bytes came from this source."""
        seen = SeenSource(source=source, media_id=media_id, state=state_of(source), noted_at=now)
        data = seen.model_dump_json(indent=1).encode()
        # By source first: `has_any` and `all` read these, and without the second one only renames
        # are missed.
        self._workspace.write(_path_by_source(source.source_id), data)
        self._workspace.write(_path_by_media(media_id, source.source_id), data)

    def find(self, source_id: str) -> SeenSource | None:
        """Return the record of a source, or None."""
        return self._read(_path_by_source(source_id))

    def status(self, source: Source) -> SourceStatus:
        """Say whether a source is new, or has changed since it was downloaded."""
        seen = self.find(source.source_id)
        if seen is None:
            return "new"
        return "known" if seen.state == state_of(source) else "edited"

    def with_media(self, media_id: str) -> list[SeenSource]:
        """Return every source with these bytes, ordered by id."""
        names = self._workspace.names(f"{_FOLDER}/media/{media_id[:2]}/{media_id}")
        return sorted(self._read_all(names), key=lambda seen: seen.source.source_id)

    def has_any(self) -> bool:
        """Say whether any source was downloaded."""
        return bool(self._workspace.names(f"{_FOLDER}/sources"))

    def all(self) -> list[SeenSource]:
        """Return the record of every source."""
        return self._read_all(self._workspace.names(f"{_FOLDER}/sources"))

    def _read_all(self, names: list[str]) -> list[SeenSource]:
        return [seen for name in names if (seen := self._read(name)) is not None]

    def _read(self, name: str) -> SeenSource | None:
        data = self._workspace.read(name)
        try:
            return None if data is None else SeenSource.model_validate_json(data)
        except ValueError as error:
            raise ArtifactError(
                f"The record {name} of a seen source is damaged. Remove it; then the source counts "
                "as new."
            ) from error


def _path_by_source(source_id: str) -> str:
    # Hashed and spread over folders: a folder with a million files is slow on most disks.
    key = content_key(source_id)
    return f"{_FOLDER}/sources/{key[:2]}/{key}.json"


def _path_by_media(media_id: str, source_id: str) -> str:
    return f"{_FOLDER}/media/{media_id[:2]}/{media_id}/{content_key(source_id)}.json"
