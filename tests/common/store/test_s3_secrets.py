"""Secrets are in no sentence, in no cause of it, and in nothing that a log shows."""

import pytest

from tasks.common.errors import MatteflowError
from tasks.common.settings import settings
from tasks.common.store.s3 import S3Store
from tests.common.store.stores import (
    SECRET_KEY,
    SESSION_TOKEN,
    always,
    as_logged,
    open_bucket,
    refused,
)

# AWS shows the token and what it signed in the body of its refusals.
ECHO = f"<Token-0>{SESSION_TOKEN}</Token-0><StringToSign>{SESSION_TOKEN}</StringToSign>"


def refusal_of(store: S3Store) -> MatteflowError:
    """Return the error of a probe, which must fail."""
    with pytest.raises(MatteflowError) as refusal:
        store.probe()
    return refusal.value


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDenied"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (400, "ExpiredToken"),
        (400, "InvalidToken"),
        (403, "RequestTimeTooSkewed"),
        (404, "NoSuchBucket"),
        (507, "InsufficientStorage"),
        (503, "SlowDown"),
        (400, "NeverHeardOf"),
    ],
)
def test_a_refusal_shows_no_secret_even_if_the_server_does(
    status: int, code: str, nowhere: S3Store
) -> None:
    requests = always(nowhere, lambda: refused(status, code, more=ECHO))
    shown = as_logged(refusal_of(nowhere))
    assert requests[0].headers["X-Amz-Security-Token"] == SESSION_TOKEN.encode()
    assert code in shown
    assert [secret for secret in (SECRET_KEY, SESSION_TOKEN) if secret in shown] == []


@pytest.mark.service
def test_a_server_that_is_not_there_shows_none(nowhere: S3Store) -> None:
    shown = as_logged(refusal_of(nowhere))
    assert "does not answer" in shown
    assert [secret for secret in (SECRET_KEY, SESSION_TOKEN) if secret in shown] == []


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        pytest.param("AWS_SESSION_TOKEN", SESSION_TOKEN, id="token"),
        pytest.param("AWS_SECRET_ACCESS_KEY", SECRET_KEY, id="secret"),
    ],
)
def test_a_secret_that_was_pasted_with_its_line_end_is_not_shown(
    name: str, secret: str, s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, secret + "\n")
    shown = as_logged(refusal_of(open_bucket(s3_address)))
    assert "AWS_ACCESS_KEY_ID" in shown
    assert secret not in shown


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "MATTEFLOW_S3_ENDPOINT"])
@pytest.mark.parametrize(
    "endpoint",
    [
        pytest.param("http://somebody:{}@127.0.0.1:1", id="nothing listens"),
        pytest.param("http://somebody:{}@", id="no host"),
        pytest.param("somebody:{}@127.0.0.1:1", id="no scheme"),
    ],
)
def test_credentials_in_an_endpoint_are_not_repeated(
    endpoint: str, name: str, s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, endpoint.format("NobodyMaySeeThis"))
    settings.cache_clear()
    with pytest.raises(MatteflowError) as refusal:
        open_bucket(s3_address).probe()
    assert "MATTEFLOW_S3_ENDPOINT" in str(refusal.value)
    assert "NobodyMaySeeThis" not in as_logged(refusal.value)


def test_a_store_that_is_printed_shows_none(nowhere: S3Store) -> None:
    shown = f"{nowhere!r} {nowhere.location} {nowhere.url('a')} {vars(nowhere)}"
    assert "s3://tests/nowhere" in shown
    assert [secret for secret in (SECRET_KEY, SESSION_TOKEN) if secret in shown] == []
