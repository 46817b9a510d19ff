"""URIs, and how they may be shown and stored: without passwords, signatures and tokens."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_REMOTE = frozenset({"http", "https", "s3", "ytdlp+http", "ytdlp+https"})
# How stores and content networks call the parts of a signature, an expiry or a token.
_SECRET_NAME = re.compile(
    r"sig|token|expire|credential|policy|key|auth|hmac|hash|secret|security|session|password|pwd"
    r"|^x-|^(e|s|t|st|se|sp|sv|sr|exp|h|sk|skoid|sktid)$",
    re.IGNORECASE,
)
_LONG = 32  # a value this long may be a signature, whatever its name


def is_remote(uri: str) -> bool:
    """Say whether a URI needs the network."""
    return scheme_of(uri) in _REMOTE


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI in lower case; of a path, the empty text."""
    head, colon, _ = uri.partition(":")
    return head.lower() if colon and "/" not in head else ""


def redacted(uri: str) -> str:
    """Return a URI without password, signature, token or fragment.

    The rest still names the file, and stays the same when a server signs the URI again.
    """
    if not is_remote(uri):
        return uri
    try:
        parts = urlsplit(uri)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return f"{scheme_of(uri)}:///…"
    host = parts.netloc.rpartition("@")[2]
    kept = [(name, value) for name, value in query if not _is_secret(name, value)]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(kept), ""))


def _is_secret(name: str, value: str) -> bool:
    return _SECRET_NAME.search(name) is not None or len(value) >= _LONG
