"""Bring one source into the workspace and take down what it is."""

import secrets

from tasks.common.artifacts import ArtifactWriter
from tasks.common.errors import SourceError, WorldError
from tasks.common.files import digest_file, replacing
from tasks.common.keys import content_key
from tasks.common.recipe import DownloadRecipe
from tasks.common.records import Media, Source, StageResult
from tasks.common.tables import MEDIA, make_table
from tasks.download import VERSION
from tasks.download.address import copy_into, fingerprint
from tasks.download.probe import probe


def download_key(source: Source, recipe: DownloadRecipe) -> str:
    """Name the artifact by the address and its present state, and by the limits."""
    return content_key("download", VERSION, fingerprint(source.uri), source.kind, recipe)


def fetch(source: Source, recipe: DownloadRecipe, out: ArtifactWriter) -> StageResult:
    """Copy the bytes to `download/media/`, named by their sha256, and probe them.

    Raises:
        SourceError: the source cannot be used.
        WorldError: a server or the disk failed; trying again may help.
    """
    # A name of its own, so that two runs on one source at once do not take each other's file away.
    workspace = out.workspace
    incoming = workspace.root / f"download/incoming/{out.key}-{secrets.token_hex(4)}"
    try:
        with replacing(incoming) as stream:
            copy_into(source.uri, stream, recipe.max_bytes)
        size_bytes = incoming.stat().st_size
        if size_bytes == 0:
            raise SourceError("The file is empty (0 bytes).")
        media_id = digest_file(incoming)
        properties = probe(incoming, source.uri, recipe)
        _require_kind(source, properties.kind)
        path = f"download/media/{media_id[:2]}/{media_id}"
        workspace.keep(path, incoming, media_id)
    except PermissionError as error:
        raise SourceError(f"{source.uri} may not be read: {error.strerror}") from error
    except OSError as error:
        raise WorldError(f"{source.uri} could not be copied: {error.strerror or error}") from error
    finally:
        incoming.unlink(missing_ok=True)
    media = Media(media_id=media_id, path=path, size_bytes=size_bytes, **properties._asdict())
    table = make_table([media.model_dump() | {"digest": media_id}], MEDIA)
    return out.commit(table, [], n_in=1)


def _require_kind(source: Source, kind: str) -> None:
    if source.kind is not None and source.kind != kind:
        raise SourceError(
            f"The source list says {source.source_id} is a {source.kind}, but it is a {kind}."
        )
