"""What has been brought before: one small record per source, and per bytes and source."""

from datetime import datetime
from typing import Literal

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError
from tasks.common.records import Record, Source
from tasks.common.workspace.artifacts import Workspace
from tasks.download.fetchers.registry import fingerprint

News = Literal["new", "edited", "known"]


class Known(Record):
    """A source as it was when its bytes came."""

    source: Source
    media_id: str
    state: str
    noted_at: datetime


def state_of(source: Source) -> str:
    """Name what a source looks like from outside; another state may mean other bytes."""
    return content_key(fingerprint(source.uri), source.revision)


class Ledger:
    """Records in a workspace, each an object of its own: two runs at once cannot damage it."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace

    def note(self, source: Source, media_id: str, now: datetime) -> None:
        """Take down that these bytes came from this source."""
        known = Known(source=source, media_id=media_id, state=state_of(source), noted_at=now)
        data = known.model_dump_json(indent=1).encode()
        self._workspace.write(_by_source(source.source_id), data)
        self._workspace.write(_by_media(media_id, source.source_id), data)

    def find(self, source_id: str) -> Known | None:
        """Return what is known of a source, or None."""
        return self._read(_by_source(source_id))

    def news(self, source: Source) -> News:
        """Say whether a source was never brought, or looks different since."""
        known = self.find(source.source_id)
        if known is None:
            return "new"
        return "known" if known.state == state_of(source) else "edited"

    def providers(self, media_id: str) -> list[Known]:
        """Return every source that brought these bytes, in the order of their names."""
        names = self._workspace.names(f"ledger/media/{media_id[:2]}/{media_id}")
        found = (self._read(name) for name in names)
        return sorted((one for one in found if one), key=lambda one: one.source.source_id)

    def has_any(self) -> bool:
        """Say whether anything was ever brought."""
        return bool(self._workspace.names("ledger/sources"))

    def all(self) -> list[Known]:
        """Return everything that was ever brought."""
        found = (self._read(name) for name in self._workspace.names("ledger/sources"))
        return [one for one in found if one is not None]

    def _read(self, name: str) -> Known | None:
        data = self._workspace.read(name)
        try:
            return None if data is None else Known.model_validate_json(data)
        except ValueError as error:
            raise ArtifactError(
                f"The ledger's record {name} is damaged; remove it, and the source counts as new."
            ) from error


def _by_source(source_id: str) -> str:
    key = content_key(source_id)
    return f"ledger/sources/{key[:2]}/{key}.json"


def _by_media(media_id: str, source_id: str) -> str:
    return f"ledger/media/{media_id[:2]}/{media_id}/{content_key(source_id)}.json"
