"""Requests to a community's JSON API: pages of its listing, and the media URLs of entries."""

import json
import os
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from ssrfguard.errors import SSRFGuardError

from tasks.common.errors import InputError, SourceError, WorldError
from tasks.common.records import Record
from tasks.common.settings import Settings
from tasks.common.uri import redacted, scheme_of
from tasks.download.community.description import Community, extract
from tasks.download.http.client import blocked, http_client
from tasks.download.http.rate_limit import rate_limiter
from tasks.download.http.retry import RetryLaterError, retry_after_s, retrying

_MAX_RESPONSE_BYTES = 32 << 20  # a page of a listing takes kilobytes
# With waits of up to two minutes each: a listing is worth waiting for, since without it the run has
# no sources at all.
_N_ATTEMPTS = 5
_MAX_WAIT_S = 120.0
_NOT_MODIFIED, _TOO_MANY, _UNAVAILABLE, _SERVER_ERROR = 304, 429, 503, 500
_DENIED, _GONE = (401, 403), (404, 410)


class Page(Record):
    """A JSON response; `values` is None if nothing changed since the given ETag."""

    values: Any  # untrusted JSON of any shape; read with `extract`
    etag: str | None


class Api:
    """Sends requests to a community: SSRF-safe, within the rate limits, with retries."""

    def __init__(self, community: Community, settings: Settings):
        self.community = community
        self._settings = settings

    def page(self, at: str | int | None, etag: str | None = None) -> Page:
        """Return a page of the listing; `at` is its number or cursor.

        Raises:
            InputError: the description or the token is wrong.
            WorldError: the community does not answer, or not as described.
        """
        pages = self.community.pages
        query = dict(self.community.query)
        # The first page of a listing with cursors has no cursor yet.
        if at is not None:
            query[pages.parameter] = str(at)
        if pages.size_parameter and pages.size:
            query[pages.size_parameter] = str(pages.size)
        try:
            return self._request(self.community.url, query, etag)
        except SourceError as error:
            # An unusable source is a drop; an unusable listing is a user's mistake.
            raise InputError(str(error)) from error

    def media_url(self, entry: str) -> str:
        """Return a freshly signed URL of an entry's media.

        Raises:
            SourceError: the entry is gone, or its URL is not http: or https:.
            WorldError: the community does not answer.
        """
        # `replace`, not `format`: the URL may hold other braces. Quoted whole, so that an entry
        # named `a/../b` stays one segment of the path.
        url = self.community.item_url.replace("{entry}", quote(entry, safe=""))
        item = extract(self._request(url, {}, None).values, self.community.item)
        media_url = extract(item, self.community.fields.media)
        # An API must not make us read local files or other protocols' URIs.
        if not isinstance(media_url, str) or scheme_of(media_url) not in {"http", "https"}:
            raise SourceError(
                f"{self.community.name} gives no http or https URL for {entry} at "
                f"{self.community.fields.media}."
            )
        return media_url

    def _request(self, url: str, query: dict[str, str], etag: str | None) -> Page:
        host, limiter = urlsplit(url).netloc, rate_limiter(self._settings)

        def once() -> Page:
            with limiter.request(host):
                response = self._get(url, query, etag)
            # With or without Retry-After: for a listing the default wait of a second is a sensible
            # guess.
            if response.status_code in (_TOO_MANY, _UNAVAILABLE):
                raise RetryLaterError(retry_after_s(response), _answer(response))
            return self._read(response)

        try:
            return retrying(limiter, host, _N_ATTEMPTS, _MAX_WAIT_S)(once)
        except RetryLaterError as wait:
            if wait.seconds > _MAX_WAIT_S:
                raise WorldError(f"{wait}, and asked to wait {wait.seconds:,.0f} s.") from wait
            raise WorldError(f"{wait} {_N_ATTEMPTS} times.") from wait

    def _get(self, url: str, query: dict[str, str], etag: str | None) -> httpx.Response:
        headers = self._token_header() | ({"If-None-Match": etag} if etag else {})
        try:
            # A redirect could carry the token to another host, and an API need not redirect.
            with http_client(self._settings).stream(
                "GET", url, params=query or None, headers=headers, follow_redirects=False
            ) as response:
                return _read_limited(response)
        except SSRFGuardError as error:
            raise blocked(url, error) from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise SourceError(f"{redacted(url)} cannot be requested: {error}") from error
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise WorldError(f"{redacted(url)} could not be read: {reason}") from error

    def _token_header(self) -> dict[str, str]:
        name = self.community.token
        if name is None:
            return {}
        # Read at each request and never stored: records and logs hold the variable's name only.
        token = os.environ.get(name, "").strip()
        if not token:
            raise InputError(
                f"{self.community.name} needs a token in the environment variable {name}, which "
                "is not set."
            )
        return {self.community.header: f"{self.community.scheme} {token}".strip()}

    def _read(self, response: httpx.Response) -> Page:
        code = response.status_code
        answer = _answer(response)
        # Before the other codes: 304 is not a success, but the answer that was hoped for.
        if code == _NOT_MODIFIED:
            return Page(values=None, etag=response.headers.get("etag"))
        if code >= _SERVER_ERROR:
            raise WorldError(f"{answer}.")
        if code in _DENIED:
            token = self.community.token or "the description names no token"
            raise SourceError(f"{answer}: it does not accept the token ({token}).")
        if code in _GONE:
            raise SourceError(f"{answer}: it no longer exists.")
        if not response.is_success:
            raise SourceError(f"{answer}.")
        try:
            return Page(values=json.loads(response.content), etag=response.headers.get("etag"))
        except (ValueError, RecursionError) as error:
            raise WorldError(f"{answer}, but not with JSON.") from error


def _answer(response: httpx.Response) -> str:
    return f"{redacted(str(response.url))} answered {response.status_code}"


def _read_limited(response: httpx.Response) -> httpx.Response:
    """Return the response with its content read, up to a limit.

    httpx reads without a limit, and a small compressed body may expand to gigabytes. The content is
    decompressed here, so the headers that describe the transferred bytes are removed.
    """
    content = bytearray()
    for block in response.iter_bytes():
        content += block
        if len(content) > _MAX_RESPONSE_BYTES:
            raise SourceError(
                f"{redacted(str(response.url))} answered with more than "
                f"{_MAX_RESPONSE_BYTES:,} bytes."
            )
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    }
    return httpx.Response(
        response.status_code, headers=headers, content=bytes(content), request=response.request
    )
