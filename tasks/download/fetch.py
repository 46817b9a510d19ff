"""Download one source into the workspace and record what it is."""

from dataclasses import replace
from datetime import UTC, datetime

from tasks.common.digests import content_key
from tasks.common.errors import SourceError, WorldError
from tasks.common.files import digest_file
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Media, Source, StageResult
from tasks.common.schema.rows import MediaRow
from tasks.common.settings import Settings
from tasks.common.uri import address_name, is_shortened, redacted, scheme_of
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.common.workspace.takedowns import Takedowns
from tasks.download import VERSION
from tasks.download.fetchers.protocol import FetchContext
from tasks.download.fetchers.registry import fetcher_of, fingerprint
from tasks.download.labels import LabelFile, write_labels
from tasks.download.partial_file import PartialFile, open_partial_file
from tasks.download.probe import probe
from tasks.download.seen import SeenSources

_ONCE_REDACTED = ("http", "https", "ytdlp+http", "ytdlp+https")


def download_key(source: Source, recipe: DownloadRecipe) -> str:
    """Name the artifact by the URI and its current state, the annotation, and the limits."""
    # What is known without the network. The bytes come later: this key says whether to ask for them
    # at all.
    state = [
        fingerprint(source.uri),
        source.revision,
        source.annotation and source.annotation.digest,
    ]
    # Only where it is given, so that the keys of all other sources stay as they were.
    declared = [source.projection] if source.projection else []
    return content_key("download", VERSION, *state, source.kind, recipe, *declared)


def claim(source: Source, result: StageResult, workspace: Workspace) -> bool:
    """Say whether a stored download came from this very source, and record that it was seen.

    Once web addresses were named by their redacted form, so that an artifact named by an address
    may hold what another one led to. The record of what each source brought tells them apart.
    """
    records = SeenSources(workspace)
    seen = records.find(source.source_id)
    (row,) = workspace.rows(MediaRow, result)
    if seen is not None and seen.media_id == row.media_id:
        return True
    # The name of any other address has always been all of it, or has a digest of it.
    if scheme_of(source.uri) in _ONCE_REDACTED and address_name(source.uri) == redacted(source.uri):
        return False
    # Fetched under another id: a takedown must find the bytes under this one too.
    records.record(source, row.media_id, datetime.now(UTC))
    return True


def fetch(
    source: Source, recipe: DownloadRecipe, settings: Settings, out: ArtifactWriter
) -> StageResult:
    """Put the bytes into the workspace, named by their sha256, with a row that describes them.

    Raises:
        SourceError: the source cannot be used.
        WorldError: a server or the disk failed; another attempt may help, and resumes.
    """
    name = redacted(source.uri)
    if is_shortened(source.uri):
        raise SourceError(
            f"Only the redacted address {name} is recorded, not the whole one, which may hold a "
            "secret. Ingest the source list again."
        )
    try:
        with open_partial_file(f"download-{out.key}", recipe.max_bytes, settings) as partial:
            context = FetchContext(settings, out.workspace)
            fetcher_of(source.uri).fetch(source.uri, partial, context)
            # On the disk before it is probed: the digest below must be that of what a crash would
            # leave.
            partial.finish()
            media = _admit(source, partial, recipe, settings, out)
    # Before OSError, of which it is one: permissions do not change by themselves.
    except PermissionError as error:
        raise SourceError(f"{name} may not be read: {error.strerror}") from error
    except OSError as error:
        raise WorldError(f"{name} could not be copied: {error.strerror or error}") from error
    # Labels come last: they are drawn in the size that the probe measured.
    row = _row(media, write_labels(source, media, out))
    # Before the commit: recording a source twice does no harm, but a takedown must find the media
    # of every finished download.
    SeenSources(out.workspace).record(source, media.media_id, datetime.now(UTC))
    return out.commit_rows(MediaRow, [row], [], n_in=1)


def _admit(
    source: Source,
    partial: PartialFile,
    recipe: DownloadRecipe,
    settings: Settings,
    out: ArtifactWriter,
) -> Media:
    """Check the finished file, and move it into the workspace if it can be used.

    Raises:
        SourceError: the file cannot be used, or a takedown forbids it.
    """
    if partial.n_bytes == 0:
        raise SourceError("The file is empty (0 bytes).")
    media_id = digest_file(partial.path)
    # Also by its bytes: a file that was taken down must not come back under another name.
    Takedowns.of(out.workspace).require_allowed(source, media_id)
    is_annotated = source.annotation is not None
    # Boxes and masks of an annotated picture are drawn on it as it is, whatever it shows.
    projection = "flat" if is_annotated and not source.projection else source.projection
    properties = probe(
        partial.path,
        source.uri,
        recipe,
        settings,
        must_be_upright=is_annotated,
        projection=projection,
    )
    if source.kind is not None and source.kind != properties.kind:
        raise SourceError(
            f"The source list says {source.source_id} is a {source.kind}, but it is a "
            f"{properties.kind}."
        )
    path = f"download/media/{media_id[:2]}/{media_id}"
    # Named by content, so that two sources with the same bytes share one file.
    out.workspace.move_in(path, partial.path, media_id)
    return Media(
        media_id=media_id, path=path, size_bytes=partial.n_bytes, **properties.model_dump()
    )


def _row(media: Media, labels: LabelFile | None) -> MediaRow:
    row = MediaRow(**media.model_dump(), digest=media.media_id)
    if labels is None:
        return row
    return replace(
        row, labels_path=labels.path, labels_digest=labels.digest, channel=labels.channel
    )
