"""A server may close an idle connection just when the next request is on its way."""

import socket
import struct
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.http_client import http_client
from tests.tiers import needs

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class _ServerThatClosesIdleConnections(threading.Thread):
    """Answers the first request of each connection and resets the connection at the second.

    uvicorn does so where the second request crosses its own close after five idle seconds; here
    that moment is hit each time.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # `stop` has closed the listener
                return
            with connection:
                _read_request(connection)
                connection.sendall(ANSWER)
                if connection.recv(1):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join()


def _read_request(connection: socket.socket) -> None:
    """Read to the end of the headers and of a body of two bytes, where one was announced."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4096)
    headers, _, body = data.partition(b"\r\n\r\n")
    if b"content-length: 2" in headers.lower() and len(body) < 2:
        connection.recv(2)


@pytest.fixture
@needs("service")
def loopback_server() -> Iterator[str]:
    server = _ServerThatClosesIdleConnections()
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def test_a_client_that_keeps_connections_is_reset(loopback_server: str) -> None:
    with httpx.Client(base_url=loopback_server) as client:
        assert client.post("/", json={}).text == "ok"
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError)):
            client.post("/", json={})


def test_the_client_of_the_tests_is_answered_each_time(loopback_server: str) -> None:
    with http_client(loopback_server) as client:
        assert [client.post("/", json={}).text for _ in range(3)] == ["ok", "ok", "ok"]
