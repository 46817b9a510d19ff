"""Answers that break off in the middle of an object: read anew, and never taken for whole."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import ProtocolError, ReadTimeoutError, SSLError

from tasks.common.errors import WorldError
from tasks.common.store.s3 import S3Store
from tests.common.store.stores import made, only_first, open_bucket, put

DATA = b"bytes of a picture" * 100_000
HALF = DATA[: len(DATA) // 2]
LINGER_NOT = struct.pack("ii", 1, 0)  # close with a reset instead of an end
N_TRIES = 4


_POOL = HTTPConnectionPool("store")  # errors name the pool that they come from


def broken(error: Exception | None, data: bytes) -> Any:
    """Return an answer that has not the length it says, or breaks off."""
    return made(200, data, error, content_length=str(len(DATA)), etag='"half"')


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(None, id="ends too early"),
        pytest.param(ProtocolError("Connection broken"), id="connection reset"),
        pytest.param(ReadTimeoutError(_POOL, "/", "Read timed out."), id="silence"),
        pytest.param(SSLError("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"), id="broken tls record"),
    ],
)
@pytest.mark.parametrize("data", [b"", HALF], ids=["at once", "half way"])
class TestAReadThatBreaksOff:
    def test_is_read_anew_from_its_start(
        self, data: bytes, error: Exception | None, bucket: S3Store, tmp_path: Path
    ) -> None:
        put(bucket, "a/b", DATA)
        seen = only_first(bucket, N_TRIES - 1, lambda: broken(error, data), "GetObject")
        assert bucket.fetch("a/b", tmp_path / "new") is True
        assert (tmp_path / "new").read_bytes() == DATA
        assert len(seen) == N_TRIES

    def test_is_given_up_after_a_few_tries(
        self, data: bytes, error: Exception | None, nowhere: S3Store
    ) -> None:
        seen = only_first(nowhere, 10, lambda: broken(error, data), "GetObject")
        with pytest.raises(WorldError, match="broke the connection 4 times"):
            nowhere.get("a/b")
        assert len(seen) == N_TRIES


def test_a_swap_compares_what_was_read_whole(bucket: S3Store) -> None:
    put(bucket, "a/b", DATA)
    only_first(bucket, 2, lambda: broken(ProtocolError("Connection broken"), HALF), "GetObject")
    assert bucket.swap("a/b", DATA, b"new") is True
    assert bucket.get("a/b") == b"new"


def test_a_read_anew_keeps_nothing_of_a_longer_one(bucket: S3Store) -> None:
    put(bucket, "a/b", b"replaced by a short one")
    only_first(bucket, 1, lambda: broken(ProtocolError("Connection broken"), HALF), "GetObject")
    assert bucket.get("a/b") == b"replaced by a short one"


@contextmanager
def server_that_breaks(n_breaks: int, *, by_reset: bool) -> Iterator[str]:
    """Serve DATA under every key, but hang up half way at the first requests."""
    left = [n_breaks]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(DATA)))
            self.send_header("ETag", '"tag"')
            self.end_headers()
            left[0] -= 1
            if left[0] < 0:
                self.wfile.write(DATA)
                return
            self.wfile.write(HALF)
            self.wfile.flush()
            if by_reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("by_reset", [False, True], ids=["ends", "reset"])
@pytest.mark.service
@pytest.mark.usefixtures("nowhere")
class TestAServerThatHangsUp:
    def test_now_and_then_costs_nothing_but_time(
        self, by_reset: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with server_that_breaks(2, by_reset=by_reset) as endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
            assert open_bucket("s3://tests/x").get("a") == DATA

    def test_always_is_an_error_of_the_world(
        self, by_reset: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with server_that_breaks(100, by_reset=by_reset) as endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
            with pytest.raises(WorldError, match="broke the connection 4 times"):
                open_bucket("s3://tests/x").fetch("a", tmp_path / "new")
