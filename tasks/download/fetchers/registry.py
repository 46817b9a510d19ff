"""The fetcher of each URI scheme."""

from difflib import get_close_matches

from tasks.common.errors import InputError
from tasks.common.uri import redacted, scheme_of
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


class UnknownSchemeError(InputError):
    """A URI has a scheme that nothing fetches."""


def require_scheme(uri: str) -> None:
    """Require that a URI can be fetched at all.

    Raises:
        UnknownSchemeError: its scheme is none of ours, such as a mistyped one.
    """
    known = (*_FETCHERS, "file", "package")
    scheme = scheme_of(uri)
    # A path may hold a colon: `a:b.mp4` is one only if there is such a file.
    if scheme and scheme not in known and is_missing(uri):
        similar = get_close_matches(scheme, known, n=1)
        hint = f" Did you mean {similar[0]}:?" if similar else ""
        raise UnknownSchemeError(
            f"the scheme {scheme}: of {redacted(uri)} is not known; expected a path or one of "
            f"{', '.join(f'{name}:' for name in known)}.{hint}"
        )


def fetcher_of(uri: str) -> Fetcher:
    """Return the fetcher of a URI; LocalFetcher refuses an unknown scheme when it fetches."""
    return _FETCHERS.get(scheme_of(uri), _LOCAL)


def fingerprint(uri: str) -> str:
    """Name the current state of a URI cheaply, so that an edited file is downloaded again."""
    return fetcher_of(uri).fingerprint(uri)


def is_missing(uri: str) -> bool:
    """Say whether the file is known to be missing, without using the network."""
    return fetcher_of(uri).is_missing(uri)
