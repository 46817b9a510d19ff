"""The fetcher of each URI scheme."""

from tasks.common.uri import scheme_of
from tasks.download.community.fetcher import CommunityFetcher
from tasks.download.fetchers.http import HttpFetcher
from tasks.download.fetchers.local import LocalFetcher
from tasks.download.fetchers.protocol import Fetcher
from tasks.download.fetchers.s3 import S3Fetcher
from tasks.download.fetchers.ytdlp import YtdlpFetcher

_LOCAL = LocalFetcher()
_HTTP = HttpFetcher()
_YTDLP = YtdlpFetcher()
_FETCHERS: dict[str, Fetcher] = {
    "http": _HTTP,
    "https": _HTTP,
    "s3": S3Fetcher(),
    "community": CommunityFetcher(),
    "ytdlp+http": _YTDLP,
    "ytdlp+https": _YTDLP,
}


def fetcher_of(uri: str) -> Fetcher:
    """Return the fetcher of a URI; LocalFetcher refuses an unknown scheme when it fetches."""
    return _FETCHERS.get(scheme_of(uri), _LOCAL)


def fingerprint(uri: str) -> str:
    """Name the current state of a URI cheaply, so that an edited file is downloaded again."""
    return fetcher_of(uri).fingerprint(uri)


def is_missing(uri: str) -> bool:
    """Say whether the file is known to be missing, without using the network."""
    return fetcher_of(uri).is_missing(uri)
