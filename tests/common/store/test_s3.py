"""What is special to a bucket: digests that the server compares, MD5 in listings, batches."""

import hashlib
from base64 import b64decode
from typing import Any

import pytest

from tasks.common.errors import InputError, WorldError
from tasks.common.files import digest_bytes
from tasks.common.store.s3 import S3Store
from tests.common.store.stores import (
    client_of,
    content_of,
    made,
    md5_of,
    on,
    only_first,
    open_bucket,
    put,
    refused,
)

DATA = b"bytes of a picture"


def sent(bucket: S3Store, action: str) -> list[dict[str, Any]]:
    """Return a list to which the parameters of each later request of an action are added."""
    seen: list[dict[str, Any]] = []
    on(
        bucket,
        f"provide-client-params.s3.{action}",
        lambda params, **_: seen.append(dict(params)),
    )
    return seen


def headers_sent(bucket: S3Store, action: str) -> list[dict[str, str]]:
    """Return a list to which the headers of each later request of an action are added."""
    seen: list[dict[str, str]] = []
    on(
        bucket,
        f"before-send.s3.{action}",
        lambda request, **_: seen.append(plain_headers(request)),
    )
    return seen


def plain_headers(request: Any) -> dict[str, str]:
    """Return a request's headers in small letters; botocore mixes bytes and words."""
    return {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }


class TestDigests:
    def test_that_are_wrong_are_refused_by_the_server(self, bucket: S3Store) -> None:
        with pytest.raises(WorldError, match="BadDigest"):
            bucket.put("a/b", DATA, digest_bytes(b"other bytes"))
        assert bucket.get("a/b") is None

    def test_that_are_wrong_leave_what_was_there(self, bucket: S3Store) -> None:
        put(bucket, "a/b", b"was there")
        with pytest.raises(WorldError, match="BadDigest"):
            bucket.put("a/b", DATA, digest_bytes(b"other bytes"))
        assert bucket.get("a/b") == b"was there"

    @pytest.mark.parametrize("write", ["put", "put_if_absent", "swap"])
    def test_go_with_every_write_without_trailers(self, write: str, bucket: S3Store) -> None:
        seen = headers_sent(bucket, "PutObject")
        if write == "put":
            put(bucket, "a/b", DATA)
        elif write == "swap":
            assert bucket.swap("a/b", None, DATA) is True
        else:
            assert bucket.put_if_absent("a/b", DATA) is True
        there = [b64decode(row["x-amz-checksum-sha256"]).hex() for row in seen]
        assert there == [hashlib.sha256(DATA).hexdigest()]
        assert [row.get("x-amz-trailer") for row in seen] == [None]


def test_a_listing_tells_the_md5_that_hashlib_finds(bucket: S3Store) -> None:
    contents = {f"a/{n}": b"." * n for n in (0, 1, 1000, 3_000_000)}
    for key, data in contents.items():
        put(bucket, key, data)
    assert bucket.list_objects("a/") == {
        key: (len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())
        for key, data in contents.items()
    }


def test_a_big_object_is_one_put_and_its_tag_an_md5(bucket: S3Store) -> None:
    data = bytes(20 << 20)
    seen = sent(bucket, "PutObject")
    put(bucket, "a/big", data)
    assert (len(seen), bucket.list_objects("a/")["a/big"].md5) == (1, md5_of(data))


@pytest.mark.parametrize(
    ("tag", "md5"),
    [
        pytest.param(f'"{md5_of(DATA)}"', md5_of(DATA), id="md5"),
        pytest.param('"d41d8cd98f00b204e9800998ecf8427e-2"', None, id="in parts"),
        pytest.param('"something else"', None, id="own invention"),
        pytest.param(f'"{"AB" * 16}"', None, id="not lower case"),
    ],
)
def test_a_tag_that_cannot_be_an_md5_is_told_as_none(
    tag: str, md5: str | None, bucket: S3Store
) -> None:
    put(bucket, "a/b", DATA)

    def retag(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Contents"][0]["ETag"] = tag

    on(bucket, "after-call.s3.ListObjectsV2", retag)
    assert bucket.list_objects("a/")["a/b"].md5 == md5


class TestTagsThatAreNoMd5:
    """As under SSE-KMS: 32 hex digits that are no MD5."""

    @pytest.fixture
    def encrypted(self, bucket: S3Store) -> S3Store:
        def retag(parsed: dict[str, Any], **_: Any) -> None:
            parsed["ETag"] = f'"{"ab" * 16}"'

        on(bucket, "after-call.s3.GetObject", retag)
        put(bucket, "a/1", DATA)
        bucket.probe()
        return bucket

    def test_are_not_told_once_the_store_was_probed(self, encrypted: S3Store) -> None:
        assert encrypted.list_objects("a/") == {"a/1": (len(DATA), None)}

    def test_do_not_keep_a_copy_from_being_made(self, encrypted: S3Store) -> None:
        seen = sent(encrypted, "CopyObject")
        assert encrypted.copy("a/1", "a/2", content_of(DATA)) is True
        assert [set(params) for params in seen] == [{"Bucket", "Key", "CopySource"}]
        assert encrypted.copy("a/1", "a/2", content_of(DATA + b"more")) is False


def test_a_copy_in_a_probed_store_compares_and_copies_in_one_request(bucket: S3Store) -> None:
    put(bucket, "a/1", DATA)
    bucket.probe()
    seen = only_first(bucket, 0, lambda: made(500, b""))
    assert bucket.copy("a/1", "a/2", content_of(DATA)) is True
    assert len(seen) == 1


@pytest.mark.parametrize(("n_busy", "attempts", "n_asked"), [(1, 2, 2), (2, 3, 3)])
def test_a_busy_server_is_asked_again_as_often_as_told(
    n_busy: int, attempts: int, n_asked: int, s3_address: str, no_waits: list[float]
) -> None:
    patient = open_bucket(s3_address, attempts)
    seen = only_first(patient, n_busy, lambda: refused(503, "SlowDown"))
    assert patient.put_if_absent("a/b", DATA) is True
    assert (len(seen), len(no_waits), patient.get("a/b")) == (n_asked, n_busy, DATA)


def test_more_keys_than_one_request_takes_are_removed_in_several(bucket: S3Store) -> None:
    seen = sent(bucket, "DeleteObjects")
    bucket.delete(f"a/{number}" for number in range(2001))
    assert [len(params["Delete"]["Objects"]) for params in seen] == [1000, 1000, 1]


def test_an_object_that_may_not_be_removed_is_told(bucket: S3Store) -> None:
    def forbid(parsed: dict[str, Any], **_: Any) -> None:
        gone = {"Key": "a/1", "Code": "NoSuchKey"}
        parsed["Errors"] = [gone, {"Key": "a/2", "Code": "AccessDenied"}]

    on(bucket, "after-call.s3.DeleteObjects", forbid)
    with pytest.raises(InputError, match="does not allow DeleteObjects"):
        bucket.delete(["a/1", "a/2"])


def test_all_connections_of_a_store_can_be_in_use(bucket: S3Store) -> None:
    assert client_of(bucket).meta.config.max_pool_connections >= bucket.n_connections == 16
