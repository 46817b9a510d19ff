"""HTTP and HTTPS: a transfer that resumes where it was cut, byte for byte.

Servers cut connections, ignore ranges, replace files between two requests and declare lengths that
they do not send. The rule: bytes are appended only if the server confirms by a validator that they
belong to the file whose beginning was downloaded. Otherwise the transfer starts over.
`tests/download/test_hostile.py` has a server for each case.
"""

import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
from ssrfguard.errors import SSRFGuardError

from tasks.common.errors import SourceError, WorldError
from tasks.common.settings import Settings
from tasks.common.uri import address_name, redacted
from tasks.download.fetchers.protocol import FetchContext, RemoteFetcher
from tasks.download.http.client import blocked, http_client
from tasks.download.http.rate_limit import rate_limiter
from tasks.download.http.retry import RetryLaterError, retry_after_s, retrying
from tasks.download.partial_file import PartialFile

_MAX_PIECES = 20  # requests for one file, however often the connection is cut
# Longer waits are left to the retries of the task and to later runs: a pipeline slot is held here.
_MAX_WAIT_S = 60.0
_MAX_WAITS = 3
# A video of 100 MB would take a day at this rate; slower is a server that holds on to connections.
_MIN_BYTES_PER_S = 1000.0
_SLOW_AFTER_S = 60.0  # slow starts are normal; the rate is judged from then on
# 410 too: some content networks answer with it when a signature has expired.
_DENIED = (401, 403, 410)
_PARTIAL, _UNSATISFIABLE, _TOO_MANY, _SERVER_ERROR, _UNAVAILABLE = 206, 416, 429, 500, 503
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
# Errors of the URI or the response itself: the same request would fail again.
_NO_FILE = (
    httpx.DecodingError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.TooManyRedirects,
)


class HttpFetcher(RemoteFetcher):
    """Fetches http: and https: URIs."""

    def fingerprint(self, uri: str) -> str:
        """Name a URI by its whole address."""
        return address_name(uri)

    def fetch(self, uri: str, partial: PartialFile, context: FetchContext) -> None:
        """Fetch a file, in as many pieces as the connection is cut into."""
        fetch_url(uri, partial, context.settings)


class ExpiredError(SourceError):
    """A server denies access (401, 403, 410); a freshly signed URL may still be accepted."""


class _CutError(Exception):
    """The connection broke; the bytes so far are valid."""


def fetch_url(url: str, partial: PartialFile, settings: Settings) -> None:
    """Complete `partial` from a URL.

    Raises:
        SourceError: the URL leads to no file, or the network policy forbids it.
        WorldError: server or network failed; the bytes so far stay in `partial`.
    """
    transfer = _Transfer(url, partial, settings)
    retries = retrying(rate_limiter(settings), transfer.host, _MAX_WAITS + 1, _MAX_WAIT_S)
    try:
        retries(transfer.complete)
    except RetryLaterError as wait:
        raise WorldError(f"{wait}, and asks to wait {wait.seconds:,.0f} s.") from wait
    except SSRFGuardError as error:
        raise blocked(url, error) from error
    except _NO_FILE as error:
        raise SourceError(f"{redacted(url)} gives no file: {error}") from error


class _Transfer:
    """One transfer. The limit on requests holds across waits, so that it always ends."""

    def __init__(self, url: str, partial: PartialFile, settings: Settings):
        self.host = urlsplit(url).netloc
        self._url = url
        self._partial = partial
        self._limiter = rate_limiter(settings)
        self._client = http_client(settings)
        # Counted for the transfer, not per call: `complete` runs again after each wait.
        self._n_pieces = 0

    def complete(self) -> None:
        """Request piece after piece until the file is whole.

        After a cut there is no wait: the server was just sending. Another request is worth it only
        if the last one made progress, and if there is a validator to resume by.

        Raises:
            RetryLaterError: the server asks for a later retry, or its response forced a restart.
            WorldError: the connection broke too often or without progress.
        """
        while self._n_pieces < _MAX_PIECES:
            self._n_pieces += 1
            n_before = self._partial.n_bytes
            try:
                self._fetch_piece()
                return
            except _CutError as cut:
                if self._partial.n_bytes <= n_before or self._partial.validator is None:
                    raise WorldError(
                        f"{redacted(self._url)} could not be read: {cut} after "
                        f"{self._partial.n_bytes:,} bytes."
                    ) from cut
        raise WorldError(
            f"{redacted(self._url)} was cut {_MAX_PIECES} times at {self._partial.n_bytes:,} bytes."
        )

    def _fetch_piece(self) -> None:
        # Uncompressed: a position in a compressed response is no position in the file.
        headers = {"Accept-Encoding": "identity"}
        if self._partial.n_bytes and self._partial.validator:
            # If-Range: if the file has changed, the server sends all of the new one, not a range.
            headers |= {
                "Range": f"bytes={self._partial.n_bytes}-",
                "If-Range": self._partial.validator,
            }
        try:
            with (
                self._limiter.request(self.host),
                self._client.stream("GET", self._url, headers=headers) as response,
            ):
                if _align(self._partial, response):
                    _receive(response, self._partial, self._limiter.pace)
        except httpx.TransportError as error:
            if isinstance(error, _NO_FILE):
                raise
            raise _CutError(str(error) or type(error).__name__) from error


def _align(partial: PartialFile, response: httpx.Response) -> bool:
    """Make `partial` end where the bytes of a response begin; return False if it is complete.

    416: the requested range begins at or beyond the end. If the file is as long as `partial`, the
    transfer is complete; otherwise the server has replaced the file.
    206: a part. Only a part that begins exactly where `partial` ends can be appended.
    Other success: the whole file, whatever was requested.
    """
    url = redacted(str(response.url))
    content_range = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if response.status_code == _UNSATISFIABLE and partial.n_bytes:
        if content_range and content_range[2] == str(partial.n_bytes):
            return False
        partial.restart(None)
        raise RetryLaterError(0.0, f"{url} has other bytes now")
    if response.status_code == _PARTIAL:
        if not content_range or content_range[1] != str(partial.n_bytes):
            partial.restart(None)
            raise RetryLaterError(0.0, f"{url} sent another range than requested")
    else:
        _require_success(response)
        partial.restart(_validator(response))
    # A claim, used to fail early on a full disk; `append` counts what really comes.
    length = response.headers.get("content-length", "")
    partial.expect(int(length) if length.isdecimal() else 0)
    return True


def _validator(response: httpx.Response) -> str | None:
    """Return the validator of these bytes; None if resuming could mix two files."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return None  # compressed although the request accepts only identity
    if response.headers.get("accept-ranges") == "none":
        return None
    # Last-Modified has a resolution of a second, so an ETag is preferred.
    etag = str(response.headers.get("etag", ""))
    if etag.startswith('"'):  # a weak one (W/"…") stands for equivalent content, not equal bytes
        return etag
    return response.headers.get("last-modified") or None


def _receive(response: httpx.Response, partial: PartialFile, pace: Callable[[int], None]) -> None:
    began_s, n_bytes = time.monotonic(), 0
    # In blocks as they arrive. httpx would buffer blocks of a fixed size, and the buffer would be
    # lost when the connection breaks.
    for block in response.iter_bytes():
        partial.append(block)
        pace(len(block))
        n_bytes += len(block)
        passed_s = time.monotonic() - began_s
        # The read timeout notices only silence; a byte every few seconds would hold a slot forever.
        if passed_s > _SLOW_AFTER_S and n_bytes < _MIN_BYTES_PER_S * passed_s:
            raise WorldError(
                f"{redacted(str(response.url))} sends {n_bytes / passed_s:,.0f} bytes a second; "
                f"at least {_MIN_BYTES_PER_S:,.0f} are needed."
            )


def _require_success(response: httpx.Response) -> None:
    code = response.status_code
    answer = f"{redacted(str(response.url))} answered {code} {response.reason_phrase}"
    if code in (_TOO_MANY, _UNAVAILABLE) and "retry-after" in response.headers:
        raise RetryLaterError(retry_after_s(response), answer)
    if code == _TOO_MANY or code >= _SERVER_ERROR:
        raise WorldError(answer)
    if code in _DENIED:
        # Its own class, since the community fetcher can get a fresh signature.
        raise ExpiredError(answer)
    if not response.is_success:
        raise SourceError(answer)
