"""HTTP and HTTPS: a transfer that goes on where it was cut, byte for byte."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
from ssrfguard.errors import SSRFGuardError

from tasks.common.errors import SourceError, WorldError
from tasks.common.settings import Settings
from tasks.common.uri import shown
from tasks.download.fetchers.protocol import Here
from tasks.download.http.client import guarded_client, refused
from tasks.download.http.rate_limit import gate_of
from tasks.download.partial_file import PartFile

_MAX_PIECES = 20
_MAX_WAIT_S = 60.0
_MAX_WAITS = 3
_MIN_BYTES_PER_S = 1000.0
_PATIENCE_S = 60.0
_DENIED = (401, 403, 410)
_PARTIAL, _UNSATISFIABLE, _TOO_MANY, _SERVER_ERROR, _UNAVAILABLE = 206, 416, 429, 500, 503
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_NO_FILE = (
    httpx.DecodingError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.TooManyRedirects,
)


class WebFiles:
    """An adapter for web addresses."""

    def fingerprint(self, uri: str) -> str:
        """Name an address by itself, without its signature."""
        return shown(uri)

    def is_missing(self, uri: str) -> bool:
        """Say no: the network is not asked."""
        return False

    def fetch(self, uri: str, part: PartFile, here: Here) -> None:
        """Fetch a file, in as many pieces as the connection is cut into."""
        fetch_web(uri, part, here.settings)


class ExpiredError(SourceError):
    """A server refuses (401, 403, 410) what a fresh address may still give."""


class _CutError(Exception):
    """The connection broke; what came before is good."""


class _WaitError(Exception):
    """The server asks for patience."""

    def __init__(self, seconds: float, said: str):
        super().__init__(said)
        self.seconds = seconds


def fetch_web(uri: str, part: PartFile, settings: Settings) -> None:
    """Complete `part` from a web address.

    Raises:
        SourceError: the address gives no file, or may not be reached.
        WorldError: server or network failed; what came stays.
    """
    n_waits = 0
    for _ in range(_MAX_PIECES):
        n_before = part.n_bytes
        try:
            _fetch_piece(uri, part, settings)
            return
        except _CutError as cut:
            if part.n_bytes <= n_before or part.validator is None:
                raise WorldError(
                    f"{shown(uri)} could not be read: {cut} after {part.n_bytes:,} bytes."
                ) from cut
        except _WaitError as wait:
            n_waits += 1
            if n_waits > _MAX_WAITS or wait.seconds > _MAX_WAIT_S:
                raise WorldError(f"{wait}, and asks to wait {wait.seconds:,.0f} s.") from wait
            gate_of(settings).pause(urlsplit(uri).netloc, wait.seconds)
        except SSRFGuardError as error:
            raise refused(uri, error) from error
        except _NO_FILE as error:
            raise SourceError(f"{shown(uri)} gives no file: {error}") from error
    raise WorldError(f"{shown(uri)} was cut {_MAX_PIECES} times at {part.n_bytes:,} bytes.")


def _fetch_piece(uri: str, part: PartFile, settings: Settings) -> None:
    gate, client = gate_of(settings), guarded_client(settings)
    # Bytes as they lie there: of a compressed answer no position is known to go on from.
    headers = {"Accept-Encoding": "identity"}
    if part.n_bytes and part.validator:
        headers |= {"Range": f"bytes={part.n_bytes}-", "If-Range": part.validator}
    try:
        with (
            gate.request(urlsplit(uri).netloc),
            client.stream("GET", uri, headers=headers) as response,
        ):
            if _place(response, part):
                _receive(response, part, gate.pace)
    except httpx.TransportError as error:
        if isinstance(error, _NO_FILE):
            raise
        raise _CutError(str(error) or type(error).__name__) from error


def _place(response: httpx.Response, part: PartFile) -> bool:
    """Bring `part` to where the answer's bytes belong; say whether there are any to come."""
    said = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if response.status_code == _UNSATISFIABLE and part.n_bytes:
        if said and said[2] == str(part.n_bytes):
            return False  # all of it is here already
        part.restart(None)
        raise _WaitError(0.0, f"{shown(str(response.url))} has other bytes now")
    if response.status_code == _PARTIAL:
        if not said or said[1] != str(part.n_bytes):
            part.restart(None)
            raise _WaitError(0.0, f"{shown(str(response.url))} sent another part than asked for")
    else:
        _require_success(response)
        part.restart(_validator(response))
    length = response.headers.get("content-length", "")
    part.expect(int(length) if length.isdecimal() else 0)
    return True


def _validator(response: httpx.Response) -> str | None:
    """Return what names these very bytes; nothing where going on could mix two files."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return None
    if response.headers.get("accept-ranges") == "none":
        return None
    tag = str(response.headers.get("etag", ""))
    if tag.startswith('"'):  # a weak one (W/"…") names a meaning, not bytes
        return tag
    return response.headers.get("last-modified") or None


def _receive(response: httpx.Response, part: PartFile, pace: Callable[[int], None]) -> None:
    began, n_bytes = time.monotonic(), 0
    # As it comes: blocks of a size would be gathered, and lost when the connection breaks.
    for block in response.iter_bytes():
        part.append(block)
        pace(len(block))
        n_bytes += len(block)
        passed_s = time.monotonic() - began
        if passed_s > _PATIENCE_S and n_bytes < _MIN_BYTES_PER_S * passed_s:
            raise WorldError(
                f"{shown(str(response.url))} sends {n_bytes / passed_s:,.0f} bytes a second; "
                f"at least {_MIN_BYTES_PER_S:,.0f} are needed."
            )


def _require_success(response: httpx.Response) -> None:
    code = response.status_code
    said = f"{shown(str(response.url))} answered {code} {response.reason_phrase}"
    if code in (_TOO_MANY, _UNAVAILABLE) and "retry-after" in response.headers:
        raise _WaitError(retry_after_s(response), said)
    if code == _TOO_MANY or code >= _SERVER_ERROR:
        raise WorldError(said)
    if code in _DENIED:
        raise ExpiredError(said)
    if not response.is_success:
        raise SourceError(said)


def retry_after_s(response: httpx.Response) -> float:
    """Return how long a server asks to wait: seconds, or until a date."""
    text = response.headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 1.0
