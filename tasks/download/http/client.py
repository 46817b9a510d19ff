"""The HTTP client of all downloads. It is SSRF-safe: it connects to public addresses only.

URLs in source lists and community APIs are untrusted. Without this client such a URL could make a
worker read its cloud metadata service or a server of the intranet.
"""

import logging
from functools import cache
from importlib.metadata import version

import httpx
from ssrfguard import Policy
from ssrfguard.errors import BlockedAddressError, SSRFGuardError
from ssrfguard.httpx import Client

from tasks.common.errors import InputError, SourceError
from tasks.common.settings import Settings
from tasks.common.uri import redacted

_MAX_REDIRECTS = 5
_CONNECT_S = 15.0
_MAX_CONNECTIONS = 64
# Any port of a public address: media servers use many.
_ALL_PORTS = frozenset(range(1, 1 << 16))


@cache
def http_client(settings: Settings) -> Client:
    """Return the client of this process, shared by all threads.

    It checks the address of every connection, also after redirects. Names are resolved once, and
    the connection goes to the address that was checked: a second look-up could return another one
    (DNS rebinding).

    Raises:
        InputError: MATTEFLOW_ALLOW_NETWORKS is not a list of networks.
    """
    # httpx logs each URL at INFO, which Prefect sends to its server.
    logging.getLogger("httpx").addFilter(_redact_urls)
    return Client(
        policy=network_policy(settings.allow_networks),
        # No proxy from the environment: it would connect to unchecked addresses. No .netrc.
        trust_env=False,
        follow_redirects=True,
        timeout=httpx.Timeout(settings.stall_s, connect=_CONNECT_S),
        limits=httpx.Limits(max_connections=_MAX_CONNECTIONS),
        headers={"User-Agent": f"matteflow/{version('matteflow')}"},
    )


def network_policy(allow_networks: str) -> Policy:
    """Return the network policy: public addresses, and the networks in `allow_networks`.

    Raises:
        InputError: `allow_networks` is not a comma-separated list of networks.
    """
    networks = [part.strip() for part in allow_networks.split(",") if part.strip()]
    try:
        return Policy(
            allowed_networks=tuple(networks),  # type: ignore[arg-type] # it parses texts itself
            allowed_ports=_ALL_PORTS,
            max_redirects=_MAX_REDIRECTS,
        )
    except (ValueError, SSRFGuardError) as error:
        raise InputError(
            f"MATTEFLOW_ALLOW_NETWORKS is {allow_networks!r}; expected networks such as "
            f"10.1.0.0/16, separated by commas ({error})."
        ) from error


def blocked(uri: str, error: SSRFGuardError) -> SourceError:
    """Return the error for a URI that the network policy forbids; no request was sent to it."""
    reason = getattr(error, "reason", "it redirects too often")
    target = f"it leads to {error.address}; " if isinstance(error, BlockedAddressError) else ""
    # If the reason names a network (10.0.0.0/8), a setting can allow it; a bad scheme it cannot.
    fix = (
        " If the network is yours, allow it with MATTEFLOW_ALLOW_NETWORKS." if "/" in reason else ""
    )
    return SourceError(f"{redacted(uri)} was not requested: {target}{reason}.{fix}")


def _redact_urls(record: logging.LogRecord) -> bool:
    """Remove signatures and tokens from the URLs in httpx's own log records."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            redacted(str(part)) if isinstance(part, httpx.URL) else part for part in record.args
        )
    return True
