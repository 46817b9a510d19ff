"""URIs, and their redacted form for display and storage: no passwords, signatures or tokens."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_REMOTE = frozenset({"http", "https", "s3", "ytdlp+http", "ytdlp+https"})
# Names of query parameters with which stores and content networks pass signatures, expiry times and
# tokens; the short ones are mostly those of Azure's shared access signatures (sv, se, sr, skoid).
_SECRET_NAME = re.compile(
    r"sig|token|expire|credential|policy|key|auth|hmac|hash|secret|security|session|password|pwd"
    r"|^x-|^(e|s|t|st|se|sp|sv|sr|exp|h|sk|skoid|sktid)$",
    re.IGNORECASE,
)
_MIN_SECRET_LENGTH = 32  # a value this long may be a signature, whatever its name


def is_remote(uri: str) -> bool:
    """Say whether a URI needs the network."""
    return scheme_of(uri) in _REMOTE


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI in lower case; the empty text for a path."""
    head, colon, _ = uri.partition(":")
    # A slash before the colon means a path such as `a/b:c`.
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
    except ValueError:  # such as a broken IPv6 host; what cannot be parsed cannot be redacted
        return f"{scheme_of(uri)}:///…"
    # The last @, since a password may hold one.
    host = parts.netloc.rpartition("@")[2]
    kept = [(name, value) for name, value in query if not _is_secret(name, value)]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(kept), ""))


def _is_secret(name: str, value: str) -> bool:
    return _SECRET_NAME.search(name) is not None or len(value) >= _MIN_SECRET_LENGTH
