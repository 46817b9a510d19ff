"""The only client that leaves this machine: it reaches public addresses and nothing else."""

import logging
from functools import cache
from importlib.metadata import version

import httpx
from ssrfguard import Policy
from ssrfguard.errors import BlockedAddressError, SSRFGuardError
from ssrfguard.httpx import Client

from tasks.common.errors import InputError, SourceError
from tasks.common.settings import Settings
from tasks.common.uri import shown

_MAX_REDIRECTS = 5
_CONNECT_S = 15.0
_MAX_CONNECTIONS = 64
_ALL_PORTS = frozenset(range(1, 1 << 16))


@cache
def guarded_client(settings: Settings) -> Client:
    """Return a client that connects only to addresses it has checked, also after redirects.

    Names are looked up once and the connection goes to the very address that was judged. Nothing
    is taken from the environment: a proxy would connect where it likes.

    Raises:
        InputError: MATTEFLOW_ALLOW_NETWORKS is not a list of networks.
    """
    logging.getLogger("httpx").addFilter(_without_secrets)
    return Client(
        policy=policy_of(settings.allow_networks),
        trust_env=False,
        follow_redirects=True,
        timeout=httpx.Timeout(settings.stall_s, connect=_CONNECT_S),
        limits=httpx.Limits(max_connections=_MAX_CONNECTIONS),
        headers={"User-Agent": f"matteflow/{version('matteflow')}"},
    )


def policy_of(allow_networks: str) -> Policy:
    """Return what may be reached: public addresses, and the networks named here.

    Raises:
        InputError: `allow_networks` is not a list of networks.
    """
    networks = [part.strip() for part in allow_networks.split(",") if part.strip()]
    try:
        return Policy(
            allowed_networks=tuple(networks),  # type: ignore[arg-type]
            allowed_ports=_ALL_PORTS,
            max_redirects=_MAX_REDIRECTS,
        )
    except (ValueError, SSRFGuardError) as error:
        raise InputError(
            f"MATTEFLOW_ALLOW_NETWORKS is {allow_networks!r}; expected networks such as "
            f"10.1.0.0/16, separated by commas ({error})."
        ) from error


def refused(uri: str, error: SSRFGuardError) -> SourceError:
    """Return what to say of an address that must not be reached."""
    why = getattr(error, "reason", "it redirects too often")
    where = f"it leads to {error.address}; " if isinstance(error, BlockedAddressError) else ""
    mend = " If the network is yours, allow it with MATTEFLOW_ALLOW_NETWORKS." if "/" in why else ""
    return SourceError(f"{shown(uri)} was not asked: {where}{why}.{mend}")


def _without_secrets(record: logging.LogRecord) -> bool:
    """Let httpx's own log line through without what signs an address."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            shown(str(part)) if isinstance(part, httpx.URL) else part for part in record.args
        )
    return True
