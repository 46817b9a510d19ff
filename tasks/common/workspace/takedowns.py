"""What somebody had taken down: kept in the workspace and in the store, so that all heed it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError, SourceError
from tasks.common.records import Record, Source
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace

FOLDER = "takedowns/"


class Takedown(Record):
    """That a source, or all of an uploader, must not be used any more.

    `media_ids` are the bytes that came from it: they are refused under any other name, too.
    """

    kind: Literal["source", "uploader"]
    id: str
    reason: str
    at: datetime
    source_ids: tuple[str, ...] = ()
    media_ids: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Where the record lies, in a workspace as in a store."""
        return f"{FOLDER}{content_key(self.kind, self.id)}.json"

    def covers(self, source: Source, media_id: str | None) -> bool:
        """Say whether a source or its bytes are taken down."""
        is_uploader = self.kind == "uploader" and source.uploader == self.id
        is_source = source.source_id in (*self.source_ids, self.id if self.kind == "source" else "")
        return is_uploader or is_source or (media_id is not None and media_id in self.media_ids)

    def says(self) -> str:
        """Return the record as a sentence."""
        return f"{self.kind} {self.id} was taken down on {self.at:%Y-%m-%d}: {self.reason}"


class Takedowns:
    """All takedowns that are known somewhere."""

    def __init__(self, records: Iterable[Takedown]):
        self.records = tuple(records)

    @classmethod
    def of(cls, workspace: Workspace, store: ObjectStore | None = None) -> "Takedowns":
        """Read those of a workspace, and of a store if one is given.

        Raises:
            ArtifactError: a record is damaged; as long as it is, nothing may be assumed.
        """
        found = {name: workspace.read(name) for name in workspace.names(FOLDER.rstrip("/"))}
        if store is not None:
            found |= {name: store.get(name) for name in store.list_objects(FOLDER)}
        return cls(_read(name, data) for name, data in sorted(found.items()) if data is not None)

    def find(self, source: Source, media_id: str | None = None) -> Takedown | None:
        """Return why a source may not be used, or None."""
        return next((one for one in self.records if one.covers(source, media_id)), None)

    def require_allowed(self, source: Source, media_id: str) -> None:
        """Refuse bytes that were taken down.

        Raises:
            SourceError: they were.
        """
        found = self.find(source, media_id)
        if found is not None:
            raise SourceError(f"These bytes must not be used: {found.says()}.")


def _read(name: str, data: bytes) -> Takedown:
    try:
        return Takedown.model_validate_json(data)
    except ValueError as error:
        raise ArtifactError(
            f"The record {name} of a takedown is damaged. Bring it back from a copy, or record the "
            "takedown again; until then nothing is ingested or published."
        ) from error
