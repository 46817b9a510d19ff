"""Objects in S3 and what speaks like it."""

from contextlib import closing
from functools import cache
from typing import Any

from tasks.common.errors import InputError, SourceError, WorldError
from tasks.common.settings import Settings
from tasks.common.store.address import open_client
from tasks.download.fetchers.protocol import Here
from tasks.download.http.rate_limit import gate_of
from tasks.download.partial_file import PartFile

_BLOCK = 1 << 20
_ATTEMPTS = 4
_ABSENT = {"NoSuchKey", "404", "NotFound"}


class Bucket:
    """An adapter for `s3://bucket/key`."""

    def fingerprint(self, uri: str) -> str:
        """Name an object by its address; a listing tells its tag as the source's revision."""
        return uri

    def is_missing(self, uri: str) -> bool:
        """Say no: the network is not asked."""
        return False

    def fetch(self, uri: str, part: PartFile, here: Here) -> None:
        """Fetch an object, going on where an earlier attempt stopped if it is still the same."""
        from botocore.exceptions import BotoCoreError, ClientError

        from tasks.common.store.s3_errors import code_of, explained

        bucket, key = bucket_and_key(uri)
        gate = gate_of(here.settings)
        try:
            with explained(uri), gate.request(uri.split("/")[2]):
                _fetch_object(source_client(here.settings), bucket, key, part, gate.pace)
        except InputError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) in _ABSENT:
                raise SourceError(f"There is no object {uri}.") from error
            raise SourceError(str(error)) from error
        except (BotoCoreError, ConnectionError) as error:
            raise WorldError(f"{uri} could not be read: {type(error).__name__}.") from error


def _fetch_object(client: Any, bucket: str, key: str, part: PartFile, pace: Any) -> None:
    head = client.head_object(Bucket=bucket, Key=key)
    tag, size = str(head["ETag"]), int(head["ContentLength"])
    if part.validator != tag or part.n_bytes > size:
        part.restart(tag)
    part.expect(size - part.n_bytes)
    if part.n_bytes == size:
        return
    answer = client.get_object(
        Bucket=bucket, Key=key, IfMatch=tag, Range=f"bytes={part.n_bytes}-{size - 1}"
    )
    with closing(answer["Body"]) as body:
        while block := body.read(_BLOCK):
            part.append(block)
            pace(len(block))
    if part.n_bytes != size:
        raise ConnectionError("cut short")


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key`.

    Raises:
        SourceError: it is not of this form, or holds credentials.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key or "@" in bucket:
        raise SourceError("An address in a bucket is s3://bucket/key, without credentials.")
    return bucket, key


@cache
def source_client(settings: Settings) -> Any:
    """Return the client for sources; credentials come from where AWS tools look for them."""
    return open_client(settings.source_s3_endpoint or settings.s3_endpoint, settings, _ATTEMPTS)
