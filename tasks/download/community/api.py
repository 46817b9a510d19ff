"""A community's JSON API, described by a small YAML: how it lists and how it gives one entry."""

import json
import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

import httpx
from pydantic import Field
from ssrfguard.errors import SSRFGuardError

from tasks.common.errors import InputError, SourceError, WorldError
from tasks.common.records import Kind, Record
from tasks.common.settings import Settings
from tasks.common.uri import scheme_of, shown
from tasks.download.fetchers.http import retry_after_s
from tasks.download.http.client import guarded_client, refused
from tasks.download.http.rate_limit import gate_of

_MAX_ANSWER_BYTES = 32 << 20
_MAX_WAITS = 5
_MAX_WAIT_S = 120.0
_NOT_MODIFIED, _TOO_MANY, _UNAVAILABLE, _SERVER_ERROR = 304, 429, 503, 500
_DENIED, _GONE = (401, 403), (404, 410)

Path = Annotated[str, Field(min_length=1, description="keys from the outside in: data.items")]


class Pages(Record):
    """How the next page is asked for: by its number, or with `next` by the cursor found there."""

    parameter: str = "page"
    first: int = 1
    size_parameter: str | None = None
    size: int | None = Field(None, ge=1)
    next: Path | None = None


class Fields(Record):
    """Where in an item each fact stands."""

    entry: Path
    media: Path
    kind: Path | None = None
    uploader: Path | None = None
    licence: Path | None = None
    attribution: Path | None = None
    captured_with: Path | None = None
    shared_at: Path | None = None
    scenes: Path | None = None
    session: Path | None = None
    revision: Path | None = None


class Community(Record):
    """One listing of one community; nothing secret stands in it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    url: str
    query: dict[str, str] = Field(default_factory=dict)
    # A variable of this prefix only, so that no list can have another secret sent somewhere.
    token: str | None = Field(
        None,
        pattern=r"^MATTEFLOW_TOKEN_[A-Z0-9_]{1,60}$",
        description="the environment variable that holds the token",
    )
    header: str = Field("Authorization", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,60}$")
    scheme: str = "Bearer"
    pages: Pages = Pages()
    items: Path
    fields: Fields
    kinds: dict[str, Kind] = Field(default_factory=dict)
    item_url: str = Field(pattern=r"\{entry\}", description="asked for a fresh media address")
    item: str = Field("", description="where in that answer the item stands")
    walk: Literal["new", "all"] = "new"
    max_pages: int = Field(10_000, ge=1)


def described_at(name: str) -> str:
    """Return where a workspace keeps a community's description, for whoever fetches entries."""
    return f"communities/{name}.json"


def dig(value: Any, path: str) -> Any:
    """Return what stands at a path of keys, or None."""
    for key in path.split(".") if path else []:
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, Mapping):
            value = value.get(key)
        else:
            return None
    return value


def _read_whole(response: httpx.Response) -> httpx.Response:
    """Return the response with its content read, which must not be endless."""
    content = bytearray()
    for block in response.iter_bytes():
        content += block
        if len(content) > _MAX_ANSWER_BYTES:
            raise SourceError(
                f"{shown(str(response.url))} answered with more than {_MAX_ANSWER_BYTES:,} bytes."
            )
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    }
    return httpx.Response(
        response.status_code, headers=headers, content=bytes(content), request=response.request
    )


class Answer:
    """What the API said; `values` is None when nothing changed since the given tag."""

    def __init__(self, values: Any, etag: str | None):
        self.values = values
        self.etag = etag


class Api:
    """Asks a community politely: guarded, in turn with others, and with patience."""

    def __init__(self, community: Community, settings: Settings):
        self.community = community
        self._settings = settings

    def page(self, at: str | int | None, etag: str | None = None) -> Answer:
        """Return a page of the listing; `at` is its number or cursor.

        Raises:
            InputError: the description or the token is wrong.
            WorldError: the community does not answer, or not as described.
        """
        pages = self.community.pages
        query = dict(self.community.query)
        if at is not None:
            query[pages.parameter] = str(at)
        if pages.size_parameter and pages.size:
            query[pages.size_parameter] = str(pages.size)
        try:
            return self._ask(self.community.url, query, etag)
        except SourceError as error:
            raise InputError(str(error)) from error

    def media_address(self, entry: str) -> str:
        """Return a fresh address of an entry's media.

        Raises:
            SourceError: the entry is gone, or its address is not one of the web.
            WorldError: the community does not answer.
        """
        url = self.community.item_url.replace("{entry}", quote(entry, safe=""))
        item = dig(self._ask(url, {}, None).values, self.community.item)
        address = dig(item, self.community.fields.media)
        if not isinstance(address, str) or scheme_of(address) not in {"http", "https"}:
            raise SourceError(
                f"{self.community.name} gives no web address for {entry} at "
                f"{self.community.fields.media}."
            )
        return address

    def _ask(self, url: str, query: dict[str, str], etag: str | None) -> Answer:
        host, gate = urlsplit(url).netloc, gate_of(self._settings)
        for _ in range(_MAX_WAITS):
            with gate.request(host):
                response = self._get(url, query, etag)
            code = response.status_code
            if code in (_TOO_MANY, _UNAVAILABLE):
                wait_s = retry_after_s(response)
                if wait_s > _MAX_WAIT_S:
                    raise WorldError(f"{self._says(response)}, and to wait {wait_s:,.0f} s.")
                gate.pause(host, wait_s)
                continue
            return self._read(response)
        raise WorldError(f"{self._says(response)} {_MAX_WAITS} times.")

    def _get(self, url: str, query: dict[str, str], etag: str | None) -> httpx.Response:
        headers = self._token_header() | ({"If-None-Match": etag} if etag else {})
        try:
            # A redirect could carry the token elsewhere; an API's address is known anyway.
            with guarded_client(self._settings).stream(
                "GET", url, params=query or None, headers=headers, follow_redirects=False
            ) as response:
                return _read_whole(response)
        except SSRFGuardError as error:
            raise refused(url, error) from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise SourceError(f"{shown(url)} cannot be asked: {error}") from error
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise WorldError(f"{shown(url)} could not be read: {said}") from error

    def _token_header(self) -> dict[str, str]:
        name = self.community.token
        if name is None:
            return {}
        token = os.environ.get(name, "").strip()
        if not token:
            raise InputError(
                f"{self.community.name} needs a token in the environment variable {name}, which "
                "is not set."
            )
        return {self.community.header: f"{self.community.scheme} {token}".strip()}

    def _read(self, response: httpx.Response) -> Answer:
        code = response.status_code
        if code == _NOT_MODIFIED:
            return Answer(None, response.headers.get("etag"))
        if code >= _SERVER_ERROR:
            raise WorldError(f"{self._says(response)}.")
        if code in _DENIED:
            held = self.community.token or "no token is described"
            raise SourceError(f"{self._says(response)}: it does not accept the token ({held}).")
        if code in _GONE:
            raise SourceError(f"{self._says(response)}: it is not there any more.")
        if not response.is_success:
            raise SourceError(f"{self._says(response)}.")
        try:
            return Answer(json.loads(response.content), response.headers.get("etag"))
        except ValueError as error:
            raise WorldError(f"{self._says(response)} with something else than JSON.") from error

    def _says(self, response: httpx.Response) -> str:
        return f"{shown(str(response.url))} answered {response.status_code}"
