"""A proxy between a publisher and the S3 server, which loses what a test tells it to lose."""

import http.client
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

Fate = Literal["reply lost", "request lost", "request cut"]
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Request(NamedTuple):
    """What a client asked for; a copy is a put with a source."""

    method: str
    path: str
    is_copy: bool


class Trouble(NamedTuple):
    """What befalls the first requests that `of` describes.

    A lost request never reaches the server, a cut one reaches it by half; a lost reply is one to a
    request that the server has carried out. Then `meanwhile` is called, and the connection closed,
    with `waits_for_client` as soon as the client has gone.
    """

    fate: Fate
    of: Callable[[Request], bool]
    n_times: int = 1
    meanwhile: Callable[[], Any] = lambda: None
    waits_for_client: bool = False


class Proxy(ThreadingHTTPServer):
    """Hands everything on, but for one trouble; `befallen` are the requests that it hit."""

    daemon_threads = True

    def __init__(self, server: str, trouble: Trouble):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server_netloc = urlsplit(server).netloc
        self.befallen: list[Request] = []
        self._trouble, self._lock = trouble, threading.Lock()

    @property
    def endpoint(self) -> str:
        """Where a client finds it."""
        return f"http://127.0.0.1:{self.server_port}"

    def trouble_of(self, request: Request) -> Trouble | None:
        """Return what befalls a request, and count it."""
        with self._lock:
            if len(self.befallen) == self._trouble.n_times or not self._trouble.of(request):
                return None
            self.befallen.append(request)
            return self._trouble


@contextmanager
def proxied(trouble: Trouble) -> Iterator[Proxy]:
    """Put a proxy between this process and the server of its environment."""
    with Proxy(os.environ["AWS_ENDPOINT_URL_S3"], trouble) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
                yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_copy = "x-amz-copy-source" in self.headers
        trouble = self.server.trouble_of(Request(self.command, unquote(self.path), is_copy))
        if trouble is None:
            self._reply(*self._forward(body))
            return
        if trouble.fate == "reply lost":
            self._forward(body)
        elif trouble.fate == "request cut":
            self._forward_half(body)
        trouble.meanwhile()
        self.close_connection = True
        with suppress(OSError):
            if trouble.waits_for_client:
                self.rfile.read(1)
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815  # the base's names

    def _open(self) -> http.client.HTTPConnection:
        """Begin the same request at the server; its signature covers the Host that came."""
        connection = http.client.HTTPConnection(self.server.server_netloc)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                connection.putheader(name, value)
        connection.endheaders()
        return connection

    def _forward(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._open()
        connection.send(body)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response, data

    def _forward_half(self, body: bytes) -> None:
        connection = self._open()
        connection.send(body[: len(body) // 2])
        connection.close()

    def _reply(self, response: http.client.HTTPResponse, data: bytes) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        n_bytes = response.headers["Content-Length"] if self.command == "HEAD" else len(data)
        self.send_header("Content-Length", str(n_bytes))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's name
        """Say nothing."""
