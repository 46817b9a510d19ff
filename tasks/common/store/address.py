"""Open the store that a URI names: `file:///folder`, or `s3://bucket/prefix`.

A URI never holds credentials: boto3 reads them from the places that AWS tools use.
"""

import re
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tasks.common.errors import InputError
from tasks.common.settings import Settings, settings
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore

if TYPE_CHECKING:
    from botocore.client import BaseClient

# Wider than AWS allows today: old buckets and other servers have upper case and underscores.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_EXPECTED = (
    "expected file:///absolute/folder or s3://bucket/prefix. Set it with --store or MATTEFLOW_STORE"
)
_EXPECTED_PREFIX = "expected s3://bucket/prefix. Set it with MATTEFLOW_WORKSPACE"
_NO_ENDPOINT = (
    "The S3 endpoint is not an address; expected something like https://s3.example.org:8333, "
    "without credentials. Set it with AWS_ENDPOINT_URL_S3 or MATTEFLOW_S3_ENDPOINT."
)
_SENT_AT_ONCE_BYTES = 1 << 20  # sending so little for nothing costs less than a round trip
# boto3's defaults of 60 s each make a wrong address look like a hang.
_CONNECT_S = 10
_READ_S = 60
# boto3 waits up to 20 s between two of them, half a minute in all: a restart of a server is
# survived.
ATTEMPTS = 8


def open_store(address: str, *, attempts: int = ATTEMPTS) -> ObjectStore:
    """Open the store at `address`, under the root name of the settings; sends no request yet.

    `attempts` is how often a request is tried while a server is busy or silent.

    Raises:
        InputError: the URI has another scheme, or the AWS configuration is not valid.
    """
    current = settings()
    scheme, _, rest = address.partition("://")
    if scheme == "file":
        folder = _folder(address)
        return FolderStore(folder / current.root_name, n_connections=current.store_connections)
    if scheme == "s3":
        return _open_bucket(rest, current, attempts, _EXPECTED, current.root_name)
    raise InputError(f"The store address is {_redacted(address)!r}; {_EXPECTED}.")


def open_prefix(address: str) -> ObjectStore:
    """Open `s3://bucket/prefix`, without the root name of a store, for a workspace.

    Raises:
        InputError: the address is wrong, or the AWS configuration is not valid.
    """
    return _open_bucket(address.removeprefix("s3://"), settings(), ATTEMPTS, _EXPECTED_PREFIX)


def open_client(endpoint: str, settings: Settings, attempts: int) -> "BaseClient":
    """Return a boto3 client for reading sources, which may be at another endpoint than the store.

    Raises:
        InputError: the AWS configuration is not valid.
    """
    return _client(settings.model_copy(update={"s3_endpoint": endpoint}), attempts)


def _folder(address: str) -> Path:
    path = address.removeprefix("file://").removeprefix("localhost")
    if not path.startswith("/"):
        raise InputError(f"The store address is {_redacted(address)!r}; {_EXPECTED}.")
    return Path(unquote(path))


def _open_bucket(
    rest: str, settings: Settings, attempts: int, expected: str, *root_name: str
) -> ObjectStore:
    from tasks.common.store.s3 import S3Store  # late: boto3 is slow to import, a folder needs none

    bucket, _, prefix = rest.partition("/")
    folders = [part for part in prefix.split("/") if part]
    # Before the check of the bucket's name, whose message would repeat the secret.
    if "@" in rest:
        raise InputError(
            "The URI holds credentials. They belong into the usual AWS places "
            "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile), never into a URI."
        )
    if not _BUCKET.fullmatch(bucket) or {".", ".."} & set(folders):
        raise InputError(f"The address is {_redacted('s3://' + rest)!r}; {expected}.")
    return S3Store(
        _client(settings, attempts),
        bucket,
        "/".join([*folders, *root_name, ""]),
        n_connections=settings.store_connections,
        single_writer=settings.store_single_writer,
    )


def _client(settings: Settings, attempts: int) -> "BaseClient":
    """Return a boto3 client that also works with other servers than AWS.

    Checksums "when required" only: boto3's default adds trailers that many servers reject. Uploads
    carry the SHA-256 of their bytes instead.
    """
    import boto3
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import InvalidRegionError

    from tasks.common.store.s3_errors import explained

    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        max_pool_connections=settings.store_connections,
        retries={"mode": "standard", "total_max_attempts": attempts},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="matteflow",
    )
    with explained("the store"):
        try:
            # A session per client: sessions are not thread-safe, clients are.
            core = botocore.session.get_session()
            core.register_component("data_loader", _descriptions())
            session = boto3.session.Session(botocore_session=core)
            client = session.client("s3", endpoint_url=settings.s3_endpoint or None, config=config)
        except InvalidRegionError:  # also a ValueError, but `explained` has a better message
            raise
        except ValueError:  # its text repeats the endpoint, which may hold a password
            raise InputError(_NO_ENDPOINT) from None
    _require_endpoint(client.meta.endpoint_url)
    # Last, since botocore adds the header in an earlier handler of this event.
    client.meta.events.register_last("before-call.s3.PutObject", _send_at_once)
    return client


@cache
def _descriptions() -> Any:
    """Return a shared loader of boto3's API descriptions; parsing them is slow.

    Loading that of S3 costs as much as a hundred requests, and every client would do it again.
    """
    from botocore.loaders import create_loader

    return create_loader()


def _send_at_once(params: dict[str, Any], **_: Any) -> None:
    """Remove `Expect: 100-continue` from small uploads: it doubles the round trips."""
    body = params["body"]
    if isinstance(body, BytesIO) and body.getbuffer().nbytes <= _SENT_AT_ONCE_BYTES:
        params["headers"].pop("Expect", None)


def _require_endpoint(url: str) -> None:
    """Refuse endpoints that boto3 accepts but that cannot work, or that hold a password."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # the port is not a number
        is_address = False
    if not is_address or parts.query or "@" in url:
        raise InputError(_NO_ENDPOINT)


def _redacted(address: str) -> str:
    """Return a URI for messages: without a possible password, and at most 120 characters."""
    return re.sub(r".*@", "***@", address, flags=re.DOTALL)[:120]
