"""Takedowns: sources and uploaders that must not be used any more.

Records are kept twice: in the workspace, which ingest reads, and in the store, which every
publisher reads, whatever workspace it uses.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError, SourceError
from tasks.common.records import Record, Source
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace

FOLDER = "takedowns/"
TakedownKind = Literal["source", "uploader"]


class Takedown(Record):
    """One takedown: of a source, or of everything by an uploader.

    `media_ids` are the sha256 of the bytes that came from it: they are refused under any name.
    """

    kind: TakedownKind
    id: str
    reason: str
    at: datetime
    source_ids: tuple[str, ...] = ()
    media_ids: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The path of the record, the same in a workspace and in a store."""
        return f"{FOLDER}{content_key(self.kind, self.id)}.json"

    def covers(self, source: Source, media_id: str | None) -> bool:
        """Say whether a source or its bytes are taken down."""
        is_uploader = self.kind == "uploader" and source.uploader == self.id
        # The empty text is no source id, so it matches nothing.
        is_source = source.source_id in (*self.source_ids, self.id if self.kind == "source" else "")
        return is_uploader or is_source or (media_id is not None and media_id in self.media_ids)

    def sentence(self) -> str:
        """Return the record as a sentence."""
        return f"{self.kind} {self.id} was taken down on {self.at:%Y-%m-%d}: {self.reason}"


class Takedowns:
    """The takedowns of a workspace, and of a store."""

    def __init__(self, records: Iterable[Takedown]):
        self.records = tuple(records)

    @classmethod
    def of(cls, workspace: Workspace, store: ObjectStore | None = None) -> "Takedowns":
        """Read the takedowns of a workspace and, if one is given, of a store.

        Raises:
            ArtifactError: a record is damaged. It could cover any source, so no source may be used.
        """
        # Each time anew: a takedown applies from the moment it is recorded, also for a run under
        # way.
        contents = {name: workspace.read(name) for name in workspace.names(FOLDER.rstrip("/"))}
        if store is not None:
            contents |= {name: store.get(name) for name in store.list_objects(FOLDER)}
        # None: removed since it was listed.
        present = {name: data for name, data in sorted(contents.items()) if data is not None}
        return cls(_parse(name, data) for name, data in present.items())

    def find(self, source: Source, media_id: str | None = None) -> Takedown | None:
        """Return the takedown that covers a source or its bytes, or None."""
        covering = (record for record in self.records if record.covers(source, media_id))
        return next(covering, None)

    def record_of(self, kind: TakedownKind, name: str) -> Takedown | None:
        """Return the takedown of exactly this source or uploader, or None."""
        matching = (record for record in self.records if (record.kind, record.id) == (kind, name))
        return next(matching, None)

    def names(self) -> str:
        """Return what is taken down as a list for messages; `none` if nothing is."""
        return ", ".join(f"{record.kind} {record.id}" for record in self.records) or "none"

    def require_allowed(self, source: Source, media_id: str) -> None:
        """Refuse a source or bytes that were taken down.

        Raises:
            SourceError: a takedown covers them.
        """
        takedown = self.find(source, media_id)
        if takedown is not None:
            # A SourceError: the other sources of the run continue.
            raise SourceError(f"These bytes must not be used: {takedown.sentence()}.")


def _parse(name: str, data: bytes) -> Takedown:
    try:
        return Takedown.model_validate_json(data)
    except ValueError as error:
        raise ArtifactError(
            f"The record {name} of a takedown is damaged. Restore it from a backup, or record the "
            "takedown again; until then nothing is ingested or published."
        ) from error
