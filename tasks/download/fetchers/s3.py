"""Objects in S3, and in servers that speak its protocol."""

from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import Any

from tasks.common.errors import InputError, SourceError, WorldError
from tasks.common.settings import Settings
from tasks.common.store.address import open_client
from tasks.download.fetchers.protocol import FetchContext, RemoteFetcher
from tasks.download.http.rate_limit import rate_limiter
from tasks.download.partial_file import PartialFile

_BLOCK_BYTES = 1 << 20
_ATTEMPTS = 4
_ABSENT = {"NoSuchKey", "404", "NotFound"}


class S3Fetcher(RemoteFetcher):
    """Fetches `s3://bucket/key`."""

    def fingerprint(self, uri: str) -> str:
        """Name an object by its URI; a listing gives its ETag as the source's revision."""
        return uri

    def fetch(self, uri: str, partial: PartialFile, context: FetchContext) -> None:
        """Fetch an object, resuming an earlier attempt if the object is still the same."""
        # Late: botocore is slow to import, and few source lists name a bucket.
        from botocore.exceptions import BotoCoreError, ClientError

        from tasks.common.store.s3_errors import code_of, explained

        bucket, key = bucket_and_key(uri)
        limiter = rate_limiter(context.settings)
        try:
            with explained(uri), limiter.request(bucket):
                _fetch_object(source_client(context.settings), bucket, key, partial, limiter.pace)
        except InputError as error:
            # For a store this is the operator's mistake. Here it concerns one source of many.
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) in _ABSENT:
                raise SourceError(f"There is no object {uri}.") from error
            raise SourceError(str(error)) from error
        except (BotoCoreError, ConnectionError) as error:
            raise WorldError(f"{uri} could not be read: {type(error).__name__}.") from error


def _fetch_object(
    client: Any, bucket: str, key: str, partial: PartialFile, pace: Callable[[int], None]
) -> None:
    """Append the missing bytes; `IfMatch` refuses those of a replaced object."""
    head = client.head_object(Bucket=bucket, Key=key)
    etag, n_bytes = str(head["ETag"]), int(head["ContentLength"])
    if partial.validator != etag or partial.n_bytes > n_bytes:
        partial.restart(etag)
    partial.expect(n_bytes - partial.n_bytes)
    if partial.n_bytes == n_bytes:
        return  # already complete; an empty range would be an error
    response = client.get_object(
        Bucket=bucket, Key=key, IfMatch=etag, Range=f"bytes={partial.n_bytes}-{n_bytes - 1}"
    )
    with closing(response["Body"]) as body:
        while block := body.read(_BLOCK_BYTES):
            partial.append(block)
            pace(len(block))
    if partial.n_bytes != n_bytes:  # boto3 checks no length when it reads in blocks
        raise ConnectionError("cut short")


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key`.

    Raises:
        SourceError: it is not of this form, or holds credentials.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key or "@" in bucket:
        # The message does not repeat the URI, which may contain a secret.
        raise SourceError("The URI of an object is s3://bucket/key, without credentials.")
    return bucket, key


@cache
def source_client(settings: Settings) -> Any:
    """Return the client for sources; credentials come from the places that AWS tools use."""
    return open_client(settings.source_s3_endpoint or settings.s3_endpoint, settings, _ATTEMPTS)
