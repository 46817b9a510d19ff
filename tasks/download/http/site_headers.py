"""Headers that a site wants with its requests, such as a Referer, as the source list gives them.

Kept in the workspace, since other workers fetch, and a rerun does not read the list. A secret is
named by its environment variable and is never stored.
"""

import json
import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from tasks.common.errors import InputError, SourceError
from tasks.common.uri import redacted
from tasks.common.workspace.artifacts import Workspace

_FOLDER = "headers"
_HOST = re.compile(r"[a-z0-9.-]{1,253}(:\d{1,5})?")
# None of these grants access. A secret in any other header would end up in the workspace.
_OPEN = ("Referer", "User-Agent", "Origin", "Accept", "Accept-Language")
# httpx takes this one off when another host is redirected to; any other secret it would send on.
_SECRET = "Authorization"
_VARIABLE = re.compile(r"env:(MATTEFLOW_TOKEN_[A-Z0-9_]{1,60})")


def keep_headers(values: object, origin: str, workspace: Workspace) -> None:
    """Check the key `headers` of a list and keep it for the workers that fetch.

    Raises:
        InputError: it is not a mapping of hosts to headers, or a header may not be given.
    """
    if not isinstance(values, dict) or not all(isinstance(v, dict) for v in values.values()):
        raise InputError(
            f"{origin}: headers must name hosts and their headers, such as "
            "{sinaimg.cn: {Referer: 'https://weibo.com/'}}."
        )
    for host, headers in values.items():
        name = str(host).lower().removeprefix("*.").removeprefix(".")
        if not _HOST.fullmatch(name):
            raise InputError(f"{origin}: headers of {host!r}: this is no host such as sinaimg.cn.")
        checked = {_checked_name(k, v, origin): str(v) for k, v in headers.items()}
        data = json.dumps(checked, sort_keys=True).encode()
        if workspace.read(_path(name)) != data:
            workspace.write(_path(name), data)


def headers_for(url: str, workspace: Workspace) -> dict[str, str]:
    """Return the headers for a URL: those of its host, or of a domain that the host is in.

    Raises:
        SourceError: a header's environment variable is not set, or the port is no number to 65535.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise SourceError(f"{redacted(url)} is no web address: {error}. Correct it.") from error
    labels = host.split(".")
    domains = [".".join(labels[at:]) for at in range(len(labels))]
    for name in (f"{host}{port}", *domains):
        data = workspace.read(_path(name)) if _HOST.fullmatch(name) else None
        if data is not None:
            stored: Mapping[str, str] = json.loads(data)
            return {header: _value(header, value) for header, value in stored.items()}
    return {}


def _checked_name(name: object, value: object, origin: str) -> str:
    """Return a header's name in its usual form.

    Raises:
        InputError: it is none of those that a list may give, or its value is no header's.
    """
    known = {header.lower(): header for header in (*_OPEN, _SECRET)}
    header = known.get(str(name).lower())
    if header is None:
        raise InputError(
            f"{origin}: the header {name!r} cannot be given; known: {', '.join(known.values())}."
        )
    if header == _SECRET and not _VARIABLE.fullmatch(str(value)):
        raise InputError(
            f"{origin}: {header} is a secret. Put it into an environment variable whose name "
            f"begins with MATTEFLOW_TOKEN_, and write {header}: env:MATTEFLOW_TOKEN_NAME."
        )
    if not str(value).isprintable() or not str(value).isascii():
        raise InputError(f"{origin}: the value of {header} must be printable ASCII.")
    return header


def _value(header: str, value: str) -> str:
    variable = _VARIABLE.fullmatch(value)
    if header != _SECRET or variable is None:
        return value
    # Read at each request and never stored.
    secret = os.environ.get(variable[1], "").strip()
    if not secret:
        raise SourceError(f"The header {header} needs {variable[1]}, which is not set.")
    return secret


def _path(host: str) -> str:
    return f"{_FOLDER}/{host.replace(':', '_')}.json"
