"""Applying takedowns to a source list."""

from collections.abc import Iterable, Mapping

from tasks.common.records import Source
from tasks.common.schema.rows import RunCrop
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedowns


def exclude_taken_down(
    sources: Iterable[Source], store: str
) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """Return the sources that may be used, and a sentence for each that was taken down.

    Only sources and uploaders are compared: the bytes of a source are not known before `download`,
    which refuses taken-down bytes under any name.

    Raises:
        ArtifactError: the record of a takedown is damaged.
    """
    takedowns = Takedowns.of(Workspace.of(settings()), open_store(store))
    allowed: list[Source] = []
    withheld: list[str] = []
    for source in sources:
        takedown = takedowns.find(source)
        if takedown is None:
            allowed.append(source)
        else:
            withheld.append(f"{source.source_id} is left out: {takedown.sentence()}")
    return tuple(allowed), tuple(withheld)


def without_taken_down(
    crops: Iterable[RunCrop], sources: Mapping[str, Source], store: str
) -> list[RunCrop]:
    """Return the crops whose sources and bytes may be used; `sources` are by id.

    Raises:
        ArtifactError: the record of a takedown is damaged.
    """
    takedowns = Takedowns.of(Workspace.of(settings()), open_store(store))
    return [
        crop
        for crop in crops
        if takedowns.find(sources[crop.source_id], crop.crop.media_id) is None
    ]
