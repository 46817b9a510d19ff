"""Request the revision of each web source, so that an edited file is downloaded again."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
from ssrfguard.errors import SSRFGuardError

from tasks.common.records import Source
from tasks.common.settings import Settings
from tasks.common.uri import scheme_of
from tasks.download.http.client import http_client
from tasks.download.http.rate_limit import rate_limiter

# Hosts are limited one by one, so more threads than a host allows serve lists of many hosts.
_N_THREADS = 16


def with_revisions(sources: Sequence[Source], settings: Settings) -> tuple[Source, ...]:
    """Return the sources, web sources with their ETag or modification date as `revision`.

    A source is unchanged if the server does not respond or sends no revision: the error is reported
    when the file is fetched.
    """
    if not settings.revisit_web:
        return tuple(sources)
    with ThreadPoolExecutor(_N_THREADS) as pool:
        return tuple(pool.map(lambda source: _with_revision(source, settings), sources))


def _with_revision(source: Source, settings: Settings) -> Source:
    if scheme_of(source.uri) not in {"http", "https"} or source.revision is not None:
        return source
    try:
        with rate_limiter(settings).request(urlsplit(source.uri).netloc):
            # HEAD: headers alone. Servers that refuse it give no revision, which changes nothing.
            response = http_client(settings).head(source.uri)
    except (httpx.HTTPError, httpx.InvalidURL, SSRFGuardError):
        return source
    revision = response.headers.get("etag") or response.headers.get("last-modified")
    if not response.is_success or not revision:
        return source
    return source.model_copy(update={"revision": revision})
