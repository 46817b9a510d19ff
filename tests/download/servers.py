"""Real servers on loopback that behave as badly as the world does."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request, with ways to answer it well and badly."""

    server: "Server"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.where, self.query = parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}
        with self.server.lock:
            self.server.asked.append(self.path)
            self.server.counts[parts.path] += 1
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        try:
            self.server.answer(self)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    @property
    def n_before(self) -> int:
        """How often this path was asked before."""
        return self.server.counts[self.where] - 1

    def say(
        self, status: int, body: bytes = b"", length: int | None = None, **headers: str
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def say_json(self, value: Any, status: int = 200, **headers: str) -> None:
        self.say(
            status, json.dumps(value).encode(), None, Content_Type="application/json", **headers
        )

    def serve(self, data: bytes, tag: str | None = '"v1"', *, n_bytes: int | None = None) -> None:
        """Serve a file as a good server does, with Range and If-Range; only `n_bytes` get out."""
        tags = {} if tag is None else {"ETag": tag}
        asked, start = self.headers.get("Range"), 0
        if asked and tag is not None and self.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(data) > 0:
            self.say(416, b"", None, Content_Range=f"bytes */{len(data)}", **tags)
            return
        if start:
            tags |= {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        body = data[start:]
        self.say(206 if start else 200, body[:n_bytes], length=len(body), **tags)
        if n_bytes is not None and n_bytes < len(body):
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Stay silent."""


class Server(ThreadingHTTPServer):
    """Answers every GET by `answer`; notes what was asked."""

    daemon_threads = True

    def __init__(self, answer: Answer):
        super().__init__(("127.0.0.1", 0), Request)
        self.answer = answer
        self.asked: list[str] = []
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.at_once = self.most_at_once = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """Run a server until the block ends."""
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def drip(request: Request, data: bytes, pause_s: float) -> None:
    """Send the first half, then say nothing more."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(data)))
    request.send_header("ETag", '"slow"')
    request.end_headers()
    request.wfile.write(data[: len(data) // 2])
    request.wfile.flush()
    time.sleep(pause_s)
    request.close_connection = True
