"""Starts the desk's server: a socket on loopback, the address with its token, a quiet end."""

import ipaddress
import socket
from collections.abc import Sequence
from threading import Thread

import uvicorn

from flows.desk.app import make_app
from flows.desk.security import Access
from flows.desk.site import Site
from flows.desk.state import Desk
from flows.desk.thumbnails import Thumbnails
from tasks.common.errors import InputError
from tasks.common.settings import Settings
from tasks.common.workspace.artifacts import Workspace

PORT = 8760
LOOPBACK = "127.0.0.1"


class Listener:
    """A bound socket, and the secrets of the server that will answer on it.

    Raises:
        InputError: the address cannot be used.
    """

    def __init__(self, host: str, port: int | None):
        self.host = host
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        names = [host, socket.gethostname()] if not self.is_private else []
        self.access = Access(
            self.port, [_in_address(name) for name in names], any_address=not self.is_private
        )

    @property
    def is_private(self) -> bool:
        """Say whether only programs of this machine can connect."""
        return self.host == "localhost" or _is_loopback(self.host)

    @property
    def address(self) -> str:
        """The address of the desk with its token, for the person who started it."""
        name = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{_in_address(name)}:{self.port}/?token={self.access.token}"

    def serve(self, desk: Desk, author: str, settings: Settings) -> None:
        """Answer requests until Ctrl-C, which is raised again at the end (KeyboardInterrupt)."""
        thumbnails = Thumbnails(settings.scratch / "desk")
        Thread(target=thumbnails.trim, daemon=True).start()
        app = make_app(Site(desk, self.access, thumbnails, author), self.access)
        config = uvicorn.Config(
            app, log_level="warning", lifespan="off", access_log=False, server_header=False,
            timeout_graceful_shutdown=2,
        )  # fmt: skip
        uvicorn.Server(config).run([self._socket])


def open_desk(runs: Sequence[str], settings: Settings, store: str) -> Desk:
    """Read the runs that a desk shows.

    Raises:
        InputError: there is no such run.
        ArtifactError: a table of a run is damaged and cannot be made again.
    """
    return Desk(runs, Workspace.of(settings), store or settings.store)


def _bind(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    tried = [PORT, 0] if port is None else [port]
    for number in tried:
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, number))
        except OSError as error:
            bound.close()
            reason = error
            continue
        return bound
    raise InputError(
        f"The desk cannot listen on {host} port {tried[-1]} ({reason.strerror or reason}). Choose "
        "another with --port; 0 takes a free one."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_address(name: str) -> str:
    return f"[{name}]" if ":" in name else name
