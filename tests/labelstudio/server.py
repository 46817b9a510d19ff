"""A real Label Studio on loopback, for as long as the check runs."""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.http_client import http_client

_START_S = 600.0  # the first start makes the database: a minute of one core
_REQUEST_S = 60.0


class Login(NamedTuple):
    """Who uses the server; made anew for each start."""

    address: str
    user: str
    password: str
    token: str


class Server:
    """A running server, spoken to by its API."""

    def __init__(self, login: Login):
        self.login = login
        self._client = http_client(login.address, timeout_s=_REQUEST_S)
        self._headers = {"Authorization": f"Token {login.token}"}

    def get(self, path: str) -> httpx.Response:
        """Return the response to a GET; anything but success is an error."""
        return self._client.get(path, headers=self._headers).raise_for_status()

    def post(self, path: str, content: Any) -> Any:
        """Return the JSON that answers a POST; anything but success is an error."""
        answer = self._client.post(path, headers=self._headers, json=content)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()


@contextmanager
def label_studio(environment: Path, data: Path, files: Path) -> Iterator[Server]:
    """Start Label Studio with its database in `data`; it may serve the pictures below `files`."""
    data.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    name = secrets.token_hex(8)
    login = Login(
        f"http://127.0.0.1:{port}", f"{name}@example.org", secrets.token_hex(16),
        secrets.token_hex(20),
    )  # fmt: skip
    command = [
        str(environment / "bin" / "label-studio"), "start", "--no-browser", "--data-dir", str(data),
        "--port", str(port), "--internal-host", "127.0.0.1", "--username", login.user,
        "--password", login.password, "--user-token", login.token, "--enable-legacy-api-token",
    ]  # fmt: skip
    settings = {
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(files),
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
    }
    log = data / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | settings, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait(login.address, process, log)
            yield Server(login)
        finally:
            process.terminate()
            process.wait(30)


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            if http_client(address).get("/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(1.0)
    raise TimeoutError(f"Label Studio did not answer within {_START_S:.0f} s; see {log}")
