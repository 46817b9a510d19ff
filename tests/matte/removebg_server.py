"""A loopback server that behaves as the OpenAPI description of remove.bg says (version 1.0)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from json import dumps
from typing import Any

import numpy as np
from PIL import Image

KEY = "the-secret-key"
PATH = "/v1.0/removebg"
_MAX_BYTES = 22_000_000
_PREVIEW_PX, _PNG_PX = 250_000, 10_000_000


@dataclass
class Account:
    """What the server knows of its only customer, and what it was asked.

    `answers` are statuses that are given first, each once; `is_cropping` breaks its promise.
    """

    credits: float = 100.0
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    is_cropping: bool = False
    price: str = "1"


class _Handler(BaseHTTPRequestHandler):
    account: Account

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output clean."""

    def do_POST(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fields, picture = _parts(self.headers["Content-Type"], body)
        account = self.account
        account.asked.append(fields)
        if self.path != PATH or self.headers["X-Api-Key"] != KEY:
            self._refuse(403, "auth_failed", "Missing API Key")
        elif account.answers:
            status, headers = account.answers.pop(0)
            self._refuse(status, "", {429: "Rate limit exceeded"}.get(status, "Error"), headers)
        elif account.credits < 1:
            self._refuse(402, "insufficient_credits", "Insufficient credits")
        elif picture is None:
            self._refuse(400, "missing_source", "No image given")
        elif len(picture) > _MAX_BYTES:
            self._refuse(400, "file_too_large", "File too large")
        else:
            self._answer(fields, picture)

    def _answer(self, fields: dict[str, str], picture: bytes) -> None:
        with Image.open(BytesIO(picture)) as image:
            rgb = np.asarray(image.convert("RGB"))
        if not rgb.any():
            self._refuse(400, "unknown_foreground", "Could not identify foreground in image.")
            return
        size = fields.get("size", "preview")
        limit = _PNG_PX if size == "full" else _PREVIEW_PX
        alpha = Image.fromarray(alpha_of(rgb))
        scale = min(1.0, (limit / (alpha.width * alpha.height)) ** 0.5)
        if scale < 1.0:
            alpha = alpha.resize((int(alpha.width * scale), int(alpha.height * scale)))
        if fields.get("crop") == "true" or self.account.is_cropping:
            alpha = alpha.crop(alpha.getbbox())
        if fields.get("channels") != "alpha":
            alpha = Image.merge("LA", (alpha, alpha)).convert("RGBA")
        stream = BytesIO()
        alpha.save(stream, "PNG")
        self.account.credits -= float(self.account.price)
        self.send_response(200)
        self.send_header("X-Credits-Charged", self.account.price)
        self.send_header("X-Width", str(alpha.width))
        self.send_header("X-Height", str(alpha.height))
        self._end("image/png", stream.getvalue())

    def _refuse(
        self, status: int, code: str, title: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        error = {"title": title} | ({"code": code} if code else {})
        self._end("application/json", dumps({"errors": [error]}).encode())

    def _end(self, kind: str, body: bytes) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def alpha_of(rgb: Any) -> Any:
    """Return what the server takes for the person: what is brighter, with soft levels."""
    return np.where(rgb[..., 0] > 100, 250 - rgb[..., 0] % 7, 0).astype(np.uint8)


def _parts(kind: str, body: bytes) -> tuple[dict[str, str], bytes | None]:
    message = message_from_bytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=HTTP
    )
    fields: dict[str, str] = {}
    picture = None
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if name == "image_file":
            picture = content
        else:
            fields[str(name)] = content.decode()
    return fields, picture


@contextmanager
def removebg_server() -> Iterator[tuple[str, Account]]:
    """Serve on a free port; give its address and the account."""
    account = Account()
    handler = type("Handler", (_Handler,), {"account": account})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{PATH}", account
    finally:
        server.shutdown()
        server.server_close()
