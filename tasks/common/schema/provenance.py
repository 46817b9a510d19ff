"""The origin of a sample, as it may be published."""

from dataclasses import dataclass
from typing import Self

from tasks.common.records import Source
from tasks.common.uri import redacted, scheme_of


@dataclass(frozen=True)
class Provenance:
    """What a source list says about a source's origin; each field is a column of that name."""

    address: str | None = None  # redacted URI; None for a local file
    listing: str | None = None
    entry: str | None = None
    uploader: str | None = None
    captured_with: str | None = None
    shared_at: str | None = None
    session: str | None = None
    batch: str | None = None

    @classmethod
    def of(cls, source: Source, captured_with: str | None = None) -> Self:
        """Return the provenance of a source; `captured_with` is the camera by the file itself.

        A local path is left out: it is private, and it does not change the data.
        """
        is_path = scheme_of(source.uri) in ("", "file")
        return cls(
            address=None if is_path else redacted(source.uri),
            listing=source.listing,
            entry=source.entry,
            uploader=source.uploader,
            captured_with=source.captured_with or captured_with,
            shared_at=source.shared_at,
            session=source.session,
            batch=source.batch,
        )
