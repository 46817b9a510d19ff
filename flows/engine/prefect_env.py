"""Environment variables that Prefect reads when it is imported."""

import os
from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import urlsplit

from tasks.common.errors import InputError
from tasks.common.settings import settings

_DEFAULTS = {
    # No telemetry, neither from Prefect nor from libraries that know DO_NOT_TRACK.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The embedded server needs about ten seconds of CPU, more than its default limit when busy.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "240",
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ANSWER_S = 15.0
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def prepare_environment() -> None:
    """Set defaults, unless the environment has a value.

    Task results go into the workspace, beside the artifacts that they name, so that who deletes
    or moves the workspace does so with both.
    """
    # `setdefault`: an operator's own environment wins.
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    _keep_proxies_off_loopback()
    with suppress(InputError):  # a wrong setting is reported when a command needs it, not on import
        os.environ.setdefault("PREFECT_LOCAL_STORAGE_PATH", str(settings().workspace / "results"))


def _keep_proxies_off_loopback() -> None:
    """Reach this machine's own server directly, whatever proxy the machine uses for the rest.

    Prefect's client reads the environment: through a proxy it waits minutes for a server that is
    beside it. It also fails on any proxy that its library does not support, even for hosts that the
    proxy is not for. Such a variable is removed; no library of this project could use it.
    """
    for name in ("no_proxy", "NO_PROXY"):
        hosts = os.environ.get(name) or os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
        listed = [host.strip() for host in hosts.split(",") if host.strip()]
        if "*" not in listed:
            missing = [host for host in _LOOPBACK if host not in listed]
            os.environ[name] = ",".join((*listed, *missing))
    supported = {"", "http", "https"}
    if find_spec("socksio") is not None:
        supported |= {"socks5", "socks5h"}
    for name in [name for name in os.environ if name.lower() in _PROXIES]:
        scheme, separator, _ = os.environ[name].partition("://")
        if separator and scheme.lower() not in supported:
            del os.environ[name]


def require_server() -> None:
    """Require that the Prefect server answers, if one is configured.

    Raises:
        InputError: it does not; Prefect would try for minutes, and end in a stack trace.
    """
    import httpx
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        return  # an embedded server
    try:
        # Any answer will do: a server that refuses this request still is one.
        httpx.get(f"{url}/health", timeout=_ANSWER_S)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        host = urlsplit(url)._replace(path="", query="", fragment="").geturl().rpartition("@")[2]
        raise InputError(
            f"The Prefect server {host} does not answer ({str(error) or type(error).__name__}). "
            "Start it (prefect server start), correct PREFECT_API_URL, or unset it (also in the "
            "Prefect profile: prefect config unset PREFECT_API_URL) to run without a server."
        ) from error


def quieten_console() -> None:
    """Keep Prefect's log off the terminal; it is still sent to the server and its UI."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
