"""URIs: what identifies them, and their redacted form for display: no passwords or signatures.

Identity is the whole address. The redacted form names no file: `uc?id=…` of two files is one text.
"""

import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from tasks.common.files import digest_bytes

_REMOTE = frozenset({"http", "https", "s3", "ytdlp+http", "ytdlp+https"})
# Names of query parameters with which stores and content networks pass signatures, expiry times and
# tokens; the short ones are mostly those of Azure's shared access signatures (sv, se, sr, skoid).
_SECRET_NAME = re.compile(
    r"sig|token|expire|credential|policy|key|auth|hmac|hash|secret|security|session|password|pwd"
    r"|^x-|^(e|s|t|st|se|sp|sv|sr|exp|h|sk|skoid|sktid)$",
    re.IGNORECASE,
)
_MIN_SECRET_LENGTH = 32  # a value this long may be a signature, whatever its name
# Names that leave no doubt, other than `key` or `id`, which mostly name the file.
_CERTAIN_SECRET = re.compile(
    r"sig|token|secret|password|pwd|credential|auth|session|api_?key|access_?key", re.IGNORECASE
)
# Signatures as their providers publish them: they say who may read until when, and name no file.
# Each needs all of its first set, and then removes both sets, or every name with the prefix.
_PREFIXED_SIGNATURES = ("x-amz-", "x-goog-")
_SIGNATURES = (
    ({"awsaccesskeyid", "signature", "expires"}, set[str]()),
    ({"googleaccessid", "signature", "expires"}, set[str]()),
    ({"ossaccesskeyid", "signature", "expires"}, {"security-token"}),
    ({"key-pair-id", "signature"}, {"expires", "policy"}),
    (
        {"sv", "sig"},
        {"ss", "srt", "sp", "se", "st", "spr", "sr", "sip", "si", "skoid", "sktid"}
        | {"skt", "ske", "sks", "skv", "sdd", "saoid", "suoid", "scid"},
    ),
)
# How a record notes that its URI is redacted: in a fragment, which no server ever sees.
_MARK = "#address="
_MARK_LENGTH = 40  # hex digits, 160 bits, as of an artifact's key
_MARKED = re.compile(rf"(.*){_MARK}([0-9a-f]{{{_MARK_LENGTH}}})", re.DOTALL)


def is_remote(uri: str) -> bool:
    """Say whether a URI needs the network."""
    return scheme_of(uri) in _REMOTE


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI in lower case; the empty text for a path."""
    head, colon, _ = uri.partition(":")
    # A slash before the colon means a path such as `a/b:c`.
    return head.lower() if colon and "/" not in head else ""


def address_name(uri: str) -> str:
    """Name what a URI leads to: two URIs have one name only if they are the same address.

    Without a fragment, which no web server is sent, and without a signature by a published scheme:
    signing an address again does not make it another. Where the rest of the address may be shown
    the name is the redacted URI, else that and a digest of the whole; so it can be stored.
    """
    if not is_remote(uri):
        return uri
    shown, mark = _shown_and_mark(uri)
    return shown if mark is None else f"{shown} {mark}"


def stored(uri: str) -> str:
    """Return a URI as records keep it: redacted, with a digest of the whole if anything was cut.

    `address_name` of it is that of the whole URI.
    """
    if not is_remote(uri):
        return uri
    shown, mark = _shown_and_mark(uri)
    return shown if mark is None else f"{shown}{_MARK}{mark}"


def is_shortened(uri: str) -> bool:
    """Say whether a URI is a record's, of which only the redacted form is known."""
    return is_remote(uri) and _MARKED.fullmatch(uri) is not None


def holds_secret(uri: str) -> bool:
    """Say whether a URI certainly holds a password, signature or token."""
    try:
        parts = urlsplit(uri)
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return True
    return "@" in parts.netloc or any(_CERTAIN_SECRET.search(name) for name in names)


def redacted(uri: str) -> str:
    """Return a URI for people: without password, fragment, and whatever may be a signature.

    It is no identity: addresses of different files may look the same.
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


def _shown_and_mark(uri: str) -> tuple[str, str | None]:
    """Return the redacted URI, and a digest of the whole address if the former is not all of it."""
    match = _MARKED.fullmatch(uri)
    if match:
        return match[1], match[2]
    shown, address = redacted(uri), _unsigned(uri)
    # Servers read both the same: `redacted` only escapes anew.
    if unquote(shown) == unquote(address):
        return shown, None
    return shown, digest_bytes(address.encode())[:_MARK_LENGTH]


def _unsigned(uri: str) -> str:
    """Return the address without signature and, on the web, without fragment; else unchanged."""
    # A key of an object store may hold ? and #; a video site may name the video behind #.
    if scheme_of(uri) not in ("http", "https"):
        return uri
    address = uri.partition("#")[0]
    head, mark, query = address.partition("?")
    # By hand, so that what is kept stays as it was written: escapes can be part of the name.
    parts = query.split("&") if mark else []
    names = {part.partition("=")[0].lower() for part in parts}
    signing: set[str] = set()
    for prefix in _PREFIXED_SIGNATURES:
        if f"{prefix}signature" in names:
            signing |= {name for name in names if name.startswith(prefix)}
    for required, optional in _SIGNATURES:
        if required <= names:
            signing |= required | optional
    if not signing & names:
        return address
    kept = [part for part in parts if part.partition("=")[0].lower() not in signing]
    return f"{head}?{'&'.join(kept)}" if kept else head
