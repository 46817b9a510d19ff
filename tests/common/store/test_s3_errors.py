"""The words with which S3 refuses, as sentences that name the mend; made-up answers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.common.errors import InputError, WorldError
from tasks.common.files import digest_bytes
from tasks.common.store.s3 import S3Store
from tests.common.store.stores import always, as_logged, content_of, made, open_bucket, refused

SOMEBODY_MUST_ACT = [
    pytest.param(403, "AccessDenied", "s3:PutObject", id="AccessDenied"),
    pytest.param(403, "AllAccessDisabled", "s3:PutObject", id="AllAccessDisabled"),
    pytest.param(403, "AccountProblem", "s3:PutObject", id="AccountProblem"),
    pytest.param(403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID", id="InvalidAccessKeyId"),
    pytest.param(403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY", id="SignatureDoesNotMatch"),
    pytest.param(403, "InvalidSecurity", "AWS_PROFILE", id="InvalidSecurity"),
    pytest.param(400, "ExpiredToken", "Log in again", id="ExpiredToken"),
    pytest.param(400, "InvalidToken", "Log in again", id="InvalidToken"),
    pytest.param(400, "TokenRefreshRequired", "Log in again", id="TokenRefreshRequired"),
    pytest.param(403, "RequestTimeTooSkewed", "Set the clock", id="RequestTimeTooSkewed"),
    pytest.param(404, "NoSuchBucket", "Create it", id="NoSuchBucket"),
    pytest.param(507, "InsufficientStorage", "Make room", id="InsufficientStorage"),
    pytest.param(507, "XMinioStorageFull", "Make room", id="XMinioStorageFull"),
    pytest.param(403, "QuotaExceeded", "Make room", id="QuotaExceeded"),
    pytest.param(507, "SomeOtherWord", "Make room", id="507 by another word"),
    pytest.param(405, "MethodNotAllowed", "HTTP status 405", id="MethodNotAllowed"),
    pytest.param(400, "NeverHeardOf", "NeverHeardOf, HTTP status 400", id="unknown 400"),
]
MAY_PASS = [
    pytest.param(503, "SlowDown", id="SlowDown"),
    pytest.param(503, "SlowDownWrite", id="SlowDownWrite"),
    pytest.param(503, "ServiceUnavailable", id="ServiceUnavailable"),
    pytest.param(500, "InternalError", id="InternalError"),
    pytest.param(400, "RequestTimeout", id="RequestTimeout"),
    pytest.param(409, "OperationAborted", id="OperationAborted"),
    pytest.param(400, "BadDigest", id="BadDigest"),
    pytest.param(429, "TooManyRequests", id="TooManyRequests"),
    pytest.param(400, "Throttling", id="Throttling"),
    pytest.param(502, "NeverHeardOf", id="unknown 502"),
]
DATA = b"bytes"
REQUESTS: dict[str, Callable[[S3Store, Path], object]] = {
    "PutObject": lambda store, _: store.put("a", DATA, digest_bytes(DATA)),
    "GetObject": lambda store, new: store.fetch("a", new),
    "ListObjectsV2": lambda store, _: store.list_objects("a/"),
    "DeleteObjects": lambda store, _: store.delete(["a"]),
}


@pytest.mark.parametrize(("status", "code", "mend"), SOMEBODY_MUST_ACT)
def test_a_refusal_of_any_request_names_store_reason_and_mend(
    status: int, code: str, mend: str, nowhere: S3Store, tmp_path: Path
) -> None:
    always(nowhere, lambda: refused(status, code))
    for action, request in REQUESTS.items():
        with pytest.raises(InputError) as refusal:
            request(nowhere, tmp_path / action)
        sentence = str(refusal.value)
        assert "s3://tests/nowhere/Insta360SemanticSeg at http://127.0.0.1:1" in sentence
        assert mend in sentence
        assert code in sentence or "There is no bucket" in sentence


@pytest.mark.parametrize(("status", "code"), MAY_PASS)
def test_what_may_pass_is_an_error_of_the_world_at_any_request(
    status: int, code: str, nowhere: S3Store, tmp_path: Path
) -> None:
    always(nowhere, lambda: refused(status, code))
    for action, request in REQUESTS.items():
        with pytest.raises(WorldError) as failure:
            request(nowhere, tmp_path / action)
        for part in (nowhere.location, action, code, "Run the same again"):
            assert part in str(failure.value)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(301, "PermanentRedirect", id="PermanentRedirect"),
        pytest.param(400, "AuthorizationHeaderMalformed", id="AuthorizationHeaderMalformed"),
        pytest.param(400, "IllegalLocationConstraintException", id="IllegalLocationConstraint"),
    ],
)
def test_a_bucket_that_lies_elsewhere_names_its_region_and_the_variable(
    status: int, code: str, nowhere: S3Store
) -> None:
    always(nowhere, lambda: refused(status, code, x_amz_bucket_region="eu-central-1"))
    with pytest.raises(InputError, match=r"lies in eu-central-1\..* AWS_DEFAULT_REGION"):
        nowhere.list_objects("a/")


def test_two_clocks_are_shown_beside_each_other(nowhere: S3Store) -> None:
    then = "Sun, 22 Nov 2026 01:02:03 GMT"
    always(nowhere, lambda: refused(403, "RequestTimeTooSkewed", date=then))
    with pytest.raises(InputError, match=rf"here it is 20\d\d-.* UTC, there {then}\."):
        nowhere.get("a")


@pytest.mark.parametrize(
    ("status", "kind", "mend"),
    [
        pytest.param(403, InputError, "s3:GetObject", id="forbidden"),
        pytest.param(503, WorldError, "Run the same again", id="busy"),
    ],
)
def test_a_refusal_without_a_body_is_understood_by_its_status(
    status: int, kind: type[Exception], mend: str, nowhere: S3Store
) -> None:
    always(nowhere, lambda: refused(status, ""), "HeadObject")
    with pytest.raises(kind, match=mend):
        nowhere.copy("a", "b", content_of(DATA))


@pytest.mark.parametrize("code", ["NoSuchKey", "NotFound"])
def test_an_object_that_is_not_there_is_no_error(
    code: str, nowhere: S3Store, tmp_path: Path
) -> None:
    always(nowhere, lambda: refused(404, code))
    assert (nowhere.get("a"), nowhere.fetch("a", tmp_path / "new")) == (None, False)
    assert nowhere.copy("a", "b", content_of(DATA)) is False


@pytest.mark.parametrize(
    ("status", "kind", "why"),
    [
        pytest.param(404, InputError, "404", id="no such page"),
        pytest.param(502, WorldError, "502", id="gateway"),
        pytest.param(200, (InputError, WorldError), "", id="everything is fine"),
    ],
)
def test_a_server_that_speaks_no_s3_is_an_error_of_ours(
    status: int, kind: type[Exception], why: str, nowhere: S3Store
) -> None:
    always(nowhere, lambda: made(status, b"<html><p>This is <b>not</b> a bucket<br></html>"))
    with pytest.raises(kind, match=rf"127\.0\.0\.1:1.*{why}"):
        nowhere.probe()


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (400, "NeverHeardOf")])
def test_what_nobody_can_pass_is_asked_once_only(
    status: int, code: str, nowhere: S3Store, no_waits: list[float]
) -> None:
    patient = open_bucket("s3://tests/nowhere", attempts=8)
    seen = always(patient, lambda: refused(status, code))
    with pytest.raises(InputError):
        patient.get("a")
    assert (len(seen), no_waits) == (1, [])


def test_the_stores_own_words_stay_in_the_chain_for_whoever_searches(nowhere: S3Store) -> None:
    always(nowhere, lambda: refused(403, "AccessDenied"))
    with pytest.raises(InputError) as refusal:
        nowhere.get("a")
    assert "An error occurred (AccessDenied)" in as_logged(refusal.value)
