"""Bring one source into the workspace and take down what it is."""

from datetime import UTC, datetime

from tasks.common.digests import content_key
from tasks.common.errors import SourceError, WorldError
from tasks.common.files import digest_file
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Media, Source, StageResult
from tasks.common.schema.tables import MEDIA, make_table
from tasks.common.settings import Settings
from tasks.common.uri import shown
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.common.workspace.takedowns import Takedowns
from tasks.download import VERSION
from tasks.download.fetchers.protocol import Here
from tasks.download.fetchers.registry import adapter_of, fingerprint
from tasks.download.labels import place_annotation
from tasks.download.partial_file import PartFile, open_part
from tasks.download.probe import probe
from tasks.download.seen import Ledger


def download_key(source: Source, recipe: DownloadRecipe) -> str:
    """Name the artifact by the address and its present state, the annotation, and the limits."""
    state = [
        fingerprint(source.uri),
        source.revision,
        source.annotation and source.annotation.digest,
    ]
    return content_key("download", VERSION, *state, source.kind, recipe)


def fetch(
    source: Source, recipe: DownloadRecipe, settings: Settings, out: ArtifactWriter
) -> StageResult:
    """Put the bytes into the workspace, named by their sha256, and say what they are.

    Raises:
        SourceError: the source cannot be used.
        WorldError: a server or the disk failed; trying again may help, and goes on where it was.
    """
    name = shown(source.uri)
    try:
        with open_part(f"download-{out.key}", recipe.max_bytes, settings) as part:
            here = Here(settings, out.workspace)
            adapter_of(source.uri).fetch(source.uri, part, here)
            part.finish()
            media = _take_in(source, part, recipe, settings, out)
    except PermissionError as error:
        raise SourceError(f"{name} may not be read: {error.strerror}") from error
    except OSError as error:
        raise WorldError(f"{name} could not be copied: {error.strerror or error}") from error
    annotation = place_annotation(source, media, out)
    Ledger(out.workspace).note(source, media.media_id, datetime.now(UTC))
    row = media.model_dump() | {"digest": media.media_id} | annotation
    return out.commit(make_table([row], MEDIA), [], n_in=1)


def _take_in(
    source: Source, part: PartFile, recipe: DownloadRecipe, settings: Settings, out: ArtifactWriter
) -> Media:
    """Look at finished bytes, and keep them if they can be used.

    Raises:
        SourceError: they cannot be used, or somebody had them taken down.
    """
    if part.n_bytes == 0:
        raise SourceError("The file is empty (0 bytes).")
    media_id = digest_file(part.path)
    Takedowns.of(out.workspace).require_allowed(source, media_id)
    unturned = source.annotation is not None
    properties = probe(part.path, source.uri, recipe, settings, unturned=unturned)
    if source.kind is not None and source.kind != properties.kind:
        raise SourceError(
            f"The source list says {source.source_id} is a {source.kind}, but it is a "
            f"{properties.kind}."
        )
    path = f"download/media/{media_id[:2]}/{media_id}"
    out.workspace.keep(path, part.path, media_id)
    return Media(media_id=media_id, path=path, size_bytes=part.n_bytes, **properties._asdict())
