"""An object store in a bucket of S3 or a compatible server.

Writes carry conditions and checksums; copies between keys stay on the server.
"""

import hashlib
import re
import shutil
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import (
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_fixed
from urllib3.exceptions import HTTPError

from tasks.common.errors import InputError, WorldError
from tasks.common.store.objects import Content, Stored
from tasks.common.store.s3_errors import code_of, explained, refusal

if TYPE_CHECKING:
    from botocore.client import BaseClient

_PROBE = ".probe"
_PROBE_DATA = b"Shows whether this store honours conditions. It may stay.\n"
_WRONG_TAG = '"00000000000000000000000000000000"'  # the ETag of no object
_MD5 = re.compile(r"[0-9a-f]{32}")
_ABSENT = {"NoSuchKey", "NotFound", "404"}
# Servers differ: some answer 404 to IfMatch on an object that does not exist.
_CONDITION_FAILED = {"PreconditionFailed", "412"} | _ABSENT
# AWS sends this while another conditional request on the key is in progress, and asks to retry.
_CONDITION_BUSY = {"ConditionalRequestConflict"}
# What servers send that do not implement conditional writes.
_CONDITION_UNKNOWN = {"NotImplemented", "InvalidArgument", "InvalidRequest"}
# Together 4 s: another conditional request takes milliseconds.
_BUSY_TRIES = 20
_BUSY_WAIT_S = 0.2
# A connection that breaks four times in one read will most likely break again.
_READ_TRIES = 4
# A body that ends early: boto3 retries requests, but not the reading of their bodies.
_CUT_SHORT = (IncompleteReadError, ResponseStreamingError, ReadTimeoutError, HTTPError)
_DELETE_AT_ONCE = 1000  # the limit of DeleteObjects
_CHUNK_BYTES = 1 << 20
_ONE_PUT_BYTES = 5 * 10**9  # AWS takes at most 5 GiB in one request


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, ClientError) and code_of(error) in _CONDITION_BUSY


_while_busy = Retrying(
    retry=retry_if_exception(_is_busy),
    wait=wait_fixed(_BUSY_WAIT_S),
    stop=stop_after_attempt(_BUSY_TRIES),
    reraise=True,
)


class S3Store:
    """Objects of `bucket` under `prefix`, which ends with a slash or is empty.

    `client` is shared by all threads, which boto3 allows. Each object is one PutObject with the
    SHA-256 of its bytes, whatever its size (docs/decisions/0008).
    """

    def __init__(
        self, client: "BaseClient", bucket: str, prefix: str, *,
        n_connections: int = 16, single_writer: bool = False,
    ):  # fmt: skip
        self._client: Any = client
        self._bucket = bucket
        self._prefix = prefix
        self._single_writer = single_writer
        # None counts as maybe in listings (`_stored`) and as no in `copy`: a wrong ETag may cost an
        # upload, but must not pass for a check.
        self._md5_in_etags: bool | None = None  # unknown before `probe`
        self.n_connections = n_connections

    @property
    def location(self) -> str:
        """The bucket, prefix and endpoint, as messages name the store."""
        address = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        return f"{address} at {self._client.meta.endpoint_url}"

    def url(self, key: str) -> str:
        """Return the URI of a key."""
        return f"s3://{self._bucket}/{self._prefix}{key}"

    def list_objects(self, prefix: str) -> dict[str, Stored]:
        """Return every object whose key starts with `prefix`, which ends with a slash."""
        return {
            row["Key"].removeprefix(self._prefix): self._stored(row)
            for page in self._pages(prefix)
            for row in page.get("Contents", ())
        }

    def _stored(self, row: dict[str, Any]) -> Stored:
        tag = row["ETag"].strip('"')
        has_md5 = self._md5_in_etags is not False and _MD5.fullmatch(tag)
        return Stored(row["Size"], tag if has_md5 else None)

    def list_folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly under `prefix`, sorted."""
        base = self._prefix + prefix
        return sorted(
            row["Prefix"].removeprefix(base).rstrip("/")
            for page in self._pages(prefix, Delimiter="/")
            for row in page.get("CommonPrefixes", ())
        )

    def _pages(self, prefix: str, **options: Any) -> Iterator[dict[str, Any]]:
        with explained(self.location):
            yield from self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix, **options
            )

    def get(self, key: str) -> bytes | None:
        """Return the bytes of an object, or None when there is none."""
        stream = BytesIO()
        return stream.getvalue() if self._read(key, stream) else None

    def fetch(self, key: str, target: Path) -> bool:
        """Write an object's bytes to a new local file; say whether there was one."""
        with target.open("xb") as stream:
            is_there = self._read(key, stream) is not None
        if not is_there:
            target.unlink()
        return is_there

    def _read(self, key: str, stream: IO[bytes]) -> str | None:
        """Read an object into a stream; return its ETag, or None if it does not exist.

        A broken connection is retried. The object may be replaced between two attempts, so each
        attempt starts with an empty stream.
        """
        with explained(self.location):
            for n_left in reversed(range(_READ_TRIES)):
                stream.seek(0)
                stream.truncate()
                try:
                    answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
                    with closing(answer["Body"]) as body:  # `with body` would not check the length
                        shutil.copyfileobj(body, stream, _CHUNK_BYTES)
                    return str(answer["ETag"])
                except ClientError as error:
                    if code_of(error) not in _ABSENT:
                        raise
                    return None
                except _CUT_SHORT as error:
                    if not n_left:
                        raise WorldError(
                            f"{self.location} broke the connection {_READ_TRIES} times while "
                            f"{key} was read ({type(error).__name__}). Run the same again."
                        ) from error
        return None

    def put(self, key: str, data: bytes, sha256: str) -> None:
        """Write an object; the store compares the bytes that arrive with `sha256`."""
        with explained(self.location):
            self._put(key, data, digest=bytes.fromhex(sha256))

    def _put(self, key: str, data: bytes | IO[bytes], *, digest: bytes, **conditions: Any) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=self._prefix + key,
            Body=data,
            ChecksumSHA256=b64encode(digest).decode(),
            **conditions,
        )

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        """Write a local file as an object, in parts if it is too large for one request."""
        with explained(self.location), path.open("rb") as stream:
            if path.stat().st_size > _ONE_PUT_BYTES:
                # In parts there is no checksum of the whole; the file's name is its sha256, which
                # readers compare.
                self._client.upload_fileobj(stream, self._bucket, self._prefix + key)
            else:
                self._put(key, stream, digest=bytes.fromhex(sha256))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write an object only if there is none.

        False may also mean that this call wrote the object and the reply was lost: boto3 then
        retries and finds its own object. A caller that must know reads the object back.
        """
        if self._single_writer:
            return self._put_alone(key, None, data)
        return self._put_if(key, data, IfNoneMatch="*")

    def swap(self, key: str, expected: bytes | None, data: bytes) -> bool:
        """Replace an object only if it still holds `expected`; say whether this call did.

        Compare-and-swap by the ETag of what was read: the store itself compares it with `IfMatch`
        at the moment of the write, so no other write can come in between.
        """
        if self._single_writer:
            return self._put_alone(key, expected, data)
        stream = BytesIO()
        tag = self._read(key, stream)
        # Compared here by bytes, there by ETag: together they leave no gap.
        if (stream.getvalue() if tag else None) != expected:
            return False
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        return self._put_if(key, data, **condition)

    def _put_alone(self, key: str, expected: bytes | None, data: bytes) -> bool:
        if self.get(key) != expected:
            return False
        with explained(self.location):
            self._put(key, data, digest=hashlib.sha256(data).digest())
        return True

    def _put_if(self, key: str, data: bytes, **condition: Any) -> bool:
        digest = hashlib.sha256(data).digest()
        with explained(self.location):
            try:
                _while_busy(self._put, key, data, digest=digest, **condition)
            except ClientError as error:
                # The condition was honoured, so the answer is a plain no.
                if code_of(error) in _CONDITION_FAILED:
                    return False
                if _is_busy(error):
                    raise WorldError(
                        f"{self.location} is busy with other writes of {key}. Run the same again."
                    ) from error
                raise
        return True

    def copy(self, source: str, target: str, content: Content) -> bool:
        """Copy within the store; False if the source is missing or holds other bytes.

        With MD5 ETags the server compares the content itself. Without them only the size is
        compared.
        """
        has_md5 = self._md5_in_etags and content.md5
        condition = {"CopySourceIfMatch": f'"{content.md5}"'} if has_md5 else {}
        with explained(self.location):
            try:
                if not has_md5 and self._size(source) != content.size_bytes:
                    return False
                answer = self._client.copy_object(
                    Bucket=self._bucket,
                    Key=self._prefix + target,
                    CopySource={"Bucket": self._bucket, "Key": self._prefix + source},
                    **condition,
                )
            except ClientError as error:
                if code_of(error) not in _CONDITION_FAILED:
                    raise
                return False
            # Not every server honours the condition on the source, so compare the result as well.
            copied = str(answer["CopyObjectResult"]["ETag"]).strip('"')
            return not has_md5 or copied == content.md5

    def _size(self, key: str) -> int:
        answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
        return int(answer["ContentLength"])

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; a missing object is no error."""
        waiting = iter(keys)
        while batch := list(islice(waiting, _DELETE_AT_ONCE)):
            self._delete_batch(batch)

    def _delete_batch(self, keys: Sequence[str]) -> None:
        with explained(self.location):
            answer = self._client.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": self._prefix + key} for key in keys], "Quiet": True},
            )
        # Some servers report a missing object as an error, against the protocol.
        errors = [error for error in answer.get("Errors", ()) if error.get("Code") not in _ABSENT]
        if errors:
            raise refusal(str(errors[0].get("Code")), "DeleteObjects", self.location)

    def probe(self) -> None:
        """Check, before any work, that the store can be written and honours conditions.

        Also determines whether ETags are MD5 digests; under some encryption they are not.

        Raises:
            InputError: a condition was ignored, so two publishers could overwrite each other.
        """
        with explained(
            self.location
        ):  # a listing first: some servers create a missing bucket on put
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        if self._single_writer:
            self.put(_PROBE, _PROBE_DATA, hashlib.sha256(_PROBE_DATA).hexdigest())
        # Tried, not looked up: servers accept the headers and ignore them.
        elif not self._honours_conditions():
            raise InputError(
                f"{self.location} ignores the conditions If-None-Match and If-Match, so two "
                "publishers at once could overwrite each other. Use a store that honours them, or "
                "set MATTEFLOW_STORE_SINGLE_WRITER=true if only one process ever publishes there."
            )
        stream = BytesIO()
        tag = self._read(_PROBE, stream)
        is_md5 = f'"{hashlib.md5(stream.getvalue(), usedforsecurity=False).hexdigest()}"'
        self._md5_in_etags = tag == is_md5

    def _honours_conditions(self) -> bool:
        """Try two writes that must fail: over an existing object, and over a wrong ETag."""
        try:
            self.put_if_absent(_PROBE, _PROBE_DATA)
            return not (
                self.put_if_absent(_PROBE, _PROBE_DATA)
                or self._put_if(_PROBE, _PROBE_DATA, IfMatch=_WRONG_TAG)
            )
        except InputError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and code_of(cause) in _CONDITION_UNKNOWN:
                return False
            raise
