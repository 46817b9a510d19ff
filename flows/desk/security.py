"""Who may talk to the desk: token, cookie, host name and the origin of changes are checked.

A page of any other site can send requests to loopback, and a name on the internet can resolve to it
(DNS rebinding). So each request needs the cookie and a known Host header, and each change needs a
value that only our pages hold. Sources and uploaders are strangers' text: the content security
policy lets no inline script run, even if some text came unescaped into a page.
"""

import hmac
import html
import ipaddress
import secrets
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSRF_HEADER: Final = "x-desk-csrf"
_TOKEN: Final = "token"
_SAFE: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Access:
    """The secrets of one server, and the host names under which it may be asked.

    With `any_address` every numeric address of the machine counts, for a server of a team.
    The token is for the address bar. The cookie and the value against forged requests are others,
    so that neither history nor screenshots of an address hold them.
    """

    def __init__(self, port: int, hosts: Iterable[str] = (), *, any_address: bool = False):
        self.token = secrets.token_urlsafe(24)
        self.csrf = secrets.token_urlsafe(24)
        self.cookie = secrets.token_urlsafe(24)
        # Cookies do not tell ports apart: two desks of one machine would sign each other out.
        self.cookie_name = f"matteflow_desk_{port}"
        self._any_address = any_address
        self._port = port
        names = ["127.0.0.1", "localhost", "[::1]", *hosts]
        self._hosts = frozenset(f"{name}:{port}" for name in names) | (
            frozenset(names) if port == 80 else frozenset()  # noqa: PLR2004  # HTTP's own port
        )

    def refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that may not be served; None if it may."""
        if not self.knows(request.headers.get("host", "")):
            return PlainTextResponse("This desk has another name.", 421)
        if request.method in _SAFE and (given := request.query_params.get(_TOKEN)) is not None:
            return self._sign_in(request, given)
        if not _same(request.cookies.get(self.cookie_name, ""), self.cookie):
            return PlainTextResponse(
                "Open the desk with the address that `matteflow desk` printed: it has the token.",
                403,
            )
        if request.method not in _SAFE and not self._is_ours(request):
            return PlainTextResponse("This change did not come from a page of the desk.", 403)
        return None

    def knows(self, host: str) -> bool:
        """Say whether a Host header is a name of this server."""
        if host in self._hosts:
            return True
        name, _, port = host.rpartition(":")
        # A name can be made to resolve here; a plain address is where the browser really went.
        return self._any_address and port == str(self._port) and _is_address(name)

    def _sign_in(self, request: Request, given: str) -> Response:
        if not _same(given, self.token):
            return PlainTextResponse("The token is not that of this desk; was it restarted?", 403)
        rest = [(key, value) for key, value in request.query_params.multi_items() if key != _TOKEN]
        target = request.url.path + (f"?{urlencode(rest)}" if rest else "")
        # A page, not a redirect: a browser that follows a link from elsewhere through a redirect
        # leaves a strict cookie out. The page's own navigation is of the same site.
        page = HTMLResponse(
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
            f"<meta http-equiv='refresh' content='0;url={_attribute(target)}'>"
            "<link rel='icon' href='/static/icon.svg'>"
            f"<title>matteflow</title></head><body><a href='{_attribute(target)}'>…</a>"
            "</body></html>"
        )
        page.set_cookie(self.cookie_name, self.cookie, httponly=True, samesite="strict", path="/")
        return page

    def _is_ours(self, request: Request) -> bool:
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        host = request.headers.get("host", "")
        is_same_origin = origin is None or origin.partition("://")[2] == host
        return (
            site == "same-origin"
            and is_same_origin
            and _same(request.headers.get(CSRF_HEADER, ""), self.csrf)
        )


def _same(given: str, expected: str) -> bool:
    # In bytes: `compare_digest` refuses text with other letters than ASCII.
    return hmac.compare_digest(given.encode(), expected.encode())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _attribute(text: str) -> str:
    return html.escape(text, quote=True)


class Gate:
    """ASGI middleware: refuses what `Access` refuses, and adds the headers to every answer."""

    def __init__(self, app: ASGIApp, access: Access):
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name for name, _ in message["headers"]}
                message["headers"] += [
                    (name.encode(), value.encode())
                    for name, value in _HEADERS.items()
                    if name.encode() not in have
                ]
                # Pages hold the value against forged changes; pictures say themselves how long.
                if b"cache-control" not in have:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        refused = self._access.refusal(Request(scope))
        await (refused or self._app)(scope, receive, send_with_headers)
