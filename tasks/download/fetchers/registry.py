"""Which adapter knows which address."""

from tasks.common.uri import scheme_of
from tasks.download.community.fetcher import CommunityEntries
from tasks.download.fetchers.http import WebFiles
from tasks.download.fetchers.local import LocalFiles
from tasks.download.fetchers.protocol import Adapter
from tasks.download.fetchers.s3 import Bucket
from tasks.download.fetchers.ytdlp import Sites

_LOCAL = LocalFiles()
_WEB = WebFiles()
_SITES = Sites()
_ADAPTERS: dict[str, Adapter] = {
    "http": _WEB,
    "https": _WEB,
    "s3": Bucket(),
    "community": CommunityEntries(),
    "ytdlp+http": _SITES,
    "ytdlp+https": _SITES,
}


def adapter_of(uri: str) -> Adapter:
    """Return the adapter of an address; one of an unknown kind is refused when it is fetched."""
    return _ADAPTERS.get(scheme_of(uri), _LOCAL)


def fingerprint(uri: str) -> str:
    """Name the present state of an address cheaply, so that an edited file counts as new."""
    return adapter_of(uri).fingerprint(uri)


def is_missing(uri: str) -> bool:
    """Say whether an address is known to lead nowhere; of the network nothing is asked."""
    return adapter_of(uri).is_missing(uri)
