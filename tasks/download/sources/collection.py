"""The base of all collections: properties that apply to each of their sources."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from tasks.common.errors import InputError
from tasks.common.records import DeclaredProjection, Kind, Record, SceneTag, Source
from tasks.common.settings import Settings
from tasks.common.workspace.artifacts import Workspace
from tasks.download.sources.skipped import Skipped


class Context(NamedTuple):
    """The context in which a source list is read; `base` is the folder of its file.

    `listed_ids` are the ids that the list itself gives. Collections add to `skipped` what they find
    and do not take.
    """

    base: Path
    settings: Settings
    workspace: Workspace
    skipped: list[Skipped]
    listed_ids: frozenset[str] = frozenset()

    def path(self, text: str) -> Path:
        """Return a path that a list names, relative to the list's own folder.

        Raises:
            InputError: it begins with a home folder that does not exist.
        """
        return (self.base / expand(text)).absolute()


class Collection(Record):
    """A place with many sources; `prefix` distinguishes their ids from those of other places."""

    prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,40}$")
    kind: Kind | None = None
    scenes: tuple[SceneTag, ...] = ()
    licence: str | None = None
    attribution: str | None = None
    uploader: str | None = None
    captured_with: str | None = None
    projection: DeclaredProjection | None = None
    session: str | None = None
    batch: str | None = None

    @abstractmethod
    def sources(self, context: Context) -> Iterator[Source]:
        """Yield every source that the collection has now.

        Raises:
            InputError: the description of the collection is wrong, or the collection is empty.
            WorldError: a server does not answer.
        """

    def source(self, source_id: str, uri: str, **properties: Any) -> Source:
        """Return a source; properties of its own override those of the collection.

        `properties` are fields of `Source`, which validates them.
        """
        common = {
            name: value
            for name in Collection.model_fields
            if name != "prefix" and (value := getattr(self, name))
        }
        # An empty value is no decision: the collection's value then holds.
        own = {name: value for name, value in properties.items() if value not in (None, ())}
        return Source(source_id=f"{self.prefix}{source_id}"[:100], uri=uri, **(common | own))


def expand(path: str) -> Path:
    """Return a path with `~` expanded.

    Raises:
        InputError: there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"{path}: {error}") from error
