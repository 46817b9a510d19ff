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
from tasks.common.schema.layout import TreeFile, parse_image
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace

FOLDER = "takedowns/"
TakedownKind = Literal["source", "uploader"]
STEM_MEDIA = 12  # a sample's stem begins with so many digits of its media's sha256


class Takedown(Record):
    """One takedown: of a source, or of everything by an uploader.

    `media_ids` are the sha256 of the bytes that came from it: they are refused under any name. Once
    it was erased the record names nothing: `hashes` are salted digests, by which names and bytes
    are still recognised when they come again.
    """

    kind: TakedownKind
    id: str
    reason: str
    at: datetime
    source_ids: tuple[str, ...] = ()
    media_ids: tuple[str, ...] = ()
    salt: str = ""
    hashes: tuple[str, ...] = ()

    @property
    def is_erased(self) -> bool:
        """Say whether the record holds digests instead of names."""
        return self.salt != ""

    @property
    def key(self) -> str:
        """The path of the record, the same in a workspace and in a store."""
        # The name of a plain record is a digest of the id, which anybody can compute.
        name = ("erased", self.salt) if self.is_erased else (self.kind, self.id)
        return f"{FOLDER}{content_key(*name)}.json"

    def encode(self) -> bytes:
        """Return the bytes that are stored; a plain record is what older programs read."""
        hidden = set() if self.is_erased else {"salt", "hashes"}
        return self.model_dump_json(indent=1, exclude=hidden).encode()

    def names(self, kind: str, name: str) -> bool:
        """Say whether the record names this `source`, `uploader`, `media`, or `stem`'s prefix."""
        if self.is_erased:
            return self._hash(kind, name) in self.hashes
        return name in self._plain.get(kind, ())

    @property
    def _plain(self) -> dict[str, tuple[str, ...]]:
        return {
            self.kind: (self.id, *(self.source_ids if self.kind == "source" else ())),
            **({"source": self.source_ids} if self.kind == "uploader" else {}),
            "media": self.media_ids,
            "stem": tuple(media_id[:STEM_MEDIA] for media_id in self.media_ids),
        }

    def _hash(self, kind: str, name: str) -> str:
        return content_key(self.salt, kind, name)

    def erased(self, salt: str) -> "Takedown":
        """Return the record without a name in it."""
        plain = self.model_copy(update={"salt": salt})
        values = [(kind, name) for kind, names in self._plain.items() for name in names]
        hashes = sorted({plain._hash(kind, name) for kind, name in values})
        gone = {"id": "", "reason": "erased", "source_ids": (), "media_ids": ()}
        return plain.model_copy(update={**gone, "hashes": tuple(hashes)})

    def covers(self, source: Source, media_id: str | None) -> bool:
        """Say whether a source or its bytes are taken down."""
        return (
            (source.uploader is not None and self.names("uploader", source.uploader))
            or self.names("source", source.source_id)
            or (media_id is not None and self.names("media", media_id))
        )

    def covers_sample(self, stem: str, source_id: str | None, uploader: str | None) -> bool:
        """Say whether a published sample is taken down, by the names that a version has of it."""
        return (
            self.names("stem", stem[:STEM_MEDIA])
            or (source_id is not None and self.names("source", source_id))
            or (uploader is not None and self.names("uploader", uploader))
        )

    def sentence(self) -> str:
        """Return the record as a sentence."""
        who = f"an erased {self.kind}" if self.is_erased else f"{self.kind} {self.id}"
        return f"{who} was taken down on {self.at:%Y-%m-%d}: {self.reason}"


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
        matching = (
            record
            for record in self.records
            if record.kind == kind
            and (record.names(kind, name) if record.is_erased else record.id == name)
        )
        return next(matching, None)

    def covered(self, files: Iterable[TreeFile]) -> list[str]:
        """Return the stems of the published samples that takedowns cover."""
        named = [(parsed[1], file) for file in files if (parsed := parse_image(file.name))]
        return [
            stem
            for stem, file in named
            if self.find_sample(stem, file.source_id, file.provenance.uploader)
        ]

    def find_sample(self, stem: str, source_id: str | None, uploader: str | None) -> bool:
        """Say whether a takedown covers a published sample."""
        return any(record.covers_sample(stem, source_id, uploader) for record in self.records)

    def names(self) -> str:
        """Return what is taken down as a list for messages; `none` if nothing is."""
        who = (
            f"an erased {record.kind}" if record.is_erased else f"{record.kind} {record.id}"
            for record in self.records
        )
        return ", ".join(who) or "none"

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
