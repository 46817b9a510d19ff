"""Asking web addresses whether their files changed, so that an edited one counts as new."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
from ssrfguard.errors import SSRFGuardError

from tasks.common.records import Source
from tasks.common.settings import Settings
from tasks.common.uri import scheme_of
from tasks.download.http.client import guarded_client
from tasks.download.http.rate_limit import gate_of

_ASKED_AT_ONCE = 16


def with_revisions(sources: Sequence[Source], settings: Settings) -> tuple[Source, ...]:
    """Give web sources what the server calls the present state of their files.

    Where nobody answers, or the server names no state, the source stays as it is: what is wrong
    there is told when it is fetched.
    """
    if not settings.revisit_web:
        return tuple(sources)
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        return tuple(pool.map(lambda source: _revisited(source, settings), sources))


def _revisited(source: Source, settings: Settings) -> Source:
    if scheme_of(source.uri) not in {"http", "https"} or source.revision is not None:
        return source
    try:
        with gate_of(settings).request(urlsplit(source.uri).netloc):
            answer = guarded_client(settings).head(source.uri)
    except (httpx.HTTPError, httpx.InvalidURL, SSRFGuardError):
        return source
    state = answer.headers.get("etag") or answer.headers.get("last-modified")
    if not answer.is_success or not state:
        return source
    return source.model_copy(update={"revision": state})
