"""Ids made from names: a name that another file has already taken gets an id of its own.

Cameras begin to count again on each memory card, and every data set has a `000001.jpg`. So a known
id is taken only for the same place or the same bytes.
"""

from tasks.common.files import digest_bytes, digest_file
from tasks.common.records import Source
from tasks.common.uri import address_name, scheme_of, stored
from tasks.download.fetchers.local import local_path
from tasks.download.seen import SeenSource, SeenSources

_DIGEST_LENGTH = 8
_ID_LENGTH = 100


def with_own_id(source: Source, seen: SeenSources) -> Source:
    """Return a source whose id was made from its name, with a digest if the id is another one's.

    The same place with other bytes is the same source, edited. Another place with the same bytes is
    the same source, moved. Only files whose id is known from another place are read.
    """
    known = seen.find(source.source_id)
    if known is None or known.source.uri == stored(source.uri):
        return source
    digest = _content(source)
    if digest == known.media_id or _has_revision_of(known, source):
        return source
    # What has no content here yet, as on the web, is told apart by its address.
    suffix = (digest or digest_bytes(address_name(source.uri).encode()))[:_DIGEST_LENGTH]
    readable = source.source_id[: _ID_LENGTH - _DIGEST_LENGTH - 1]
    return source.model_copy(update={"source_id": f"{readable}-{suffix}"})


def _content(source: Source) -> str | None:
    """Return the sha256 of a local file; None for what is not one."""
    if scheme_of(source.uri) not in ("", "file"):
        return None
    try:
        return digest_file(local_path(source.uri))
    except (OSError, ValueError):  # reported when it is fetched
        return None


def _has_revision_of(known: SeenSource, source: Source) -> bool:
    """Say whether two objects have one ETag: a bucket was copied or renamed."""
    return source.revision is not None and known.source.revision == source.revision
