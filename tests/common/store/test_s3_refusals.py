"""Refusals of a real server, and of none: wrong keys, no keys, another time, another address."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import pytest

from tasks.common.errors import InputError, WorldError
from tests.common.store.stores import open_bucket

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
WRONG = "wrong/secret+that nobody may see"


def message(address: str, kind: type[Exception]) -> str:
    """Return what the store says at a probe, which must fail."""
    with pytest.raises(kind) as refusal:
        open_bucket(address).probe()
    assert WRONG not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        pytest.param("AWS_SECRET_ACCESS_KEY", WRONG, "SignatureDoesNotMatch", id="wrong secret"),
        pytest.param("AWS_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId", id="unknown key"),
        pytest.param("AWS_SESSION_TOKEN", WRONG, "InvalidAccessKeyId", id="unknown session"),
    ],
)
def test_wrong_credentials_are_told_with_the_places_to_look_at(
    name: str, value: str, code: str, s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    said = message(s3_address, InputError)
    for part in (s3_address, code, "AWS_ACCESS_KEY_ID", "~/.aws/credentials"):
        assert part in said


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], id="none"),
        pytest.param(["AWS_SECRET_ACCESS_KEY"], id="no secret"),
        pytest.param(["AWS_ACCESS_KEY_ID"], id="no name of the secret"),
    ],
)
def test_missing_credentials_are_told_with_the_places_to_put_them(
    missing: list[str], s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in missing:
        monkeypatch.delenv(name)
    said = message(s3_address, InputError)
    for part in ("no complete credentials", "AWS_ACCESS_KEY_ID", "~/.aws/credentials"):
        assert part in said


def test_a_profile_that_nobody_wrote_is_told(
    s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "AWS_PROFILE" in message(s3_address, InputError)


def test_a_clock_that_is_an_hour_off_is_told_with_both_times(
    s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = botocore.auth.get_current_datetime

    def an_hour_ago(*args: Any, **options: Any) -> datetime:
        real: datetime = now(*args, **options)
        return real - timedelta(hours=1)

    monkeypatch.setattr("botocore.auth.get_current_datetime", an_hour_ago)
    said = message(s3_address, InputError)
    for part in ("RequestTimeTooSkewed", "Set the clock", " UTC, there ", " GMT. "):
        assert part in said


@pytest.mark.usefixtures("s3_address")
def test_a_bucket_that_is_not_there_is_told_by_every_reader() -> None:
    gone = open_bucket("s3://nobody-made-this/x")
    for read in (lambda: gone.get("a"), lambda: gone.list_objects("a/"), gone.probe):
        with pytest.raises(InputError, match="There is no bucket for s3://nobody-made-this/x/"):
            read()


def test_a_server_that_is_not_running_is_told_with_its_address(
    s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    said = message(s3_address, WorldError)
    for part in ("http://127.0.0.1:1", "does not answer", "MATTEFLOW_S3_ENDPOINT"):
        assert part in said


@pytest.mark.parametrize(
    "endpoint",
    [
        pytest.param("nonsense", id="no scheme"),
        pytest.param("127.0.0.1:8333", id="port and no scheme"),
        pytest.param("http://", id="no host"),
        pytest.param("ftp://127.0.0.1:1", id="other scheme"),
        pytest.param("http://127.0.0.1:99999", id="no such port"),
        pytest.param("http://127.0.0.1:port", id="port is a word"),
        pytest.param("http://127.0.0.1:1?bucket=x", id="question"),
    ],
)
def test_an_endpoint_that_is_no_address_is_told_with_its_variables(
    endpoint: str, s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    said = message(s3_address, InputError)
    for part in ("AWS_ENDPOINT_URL_S3", "MATTEFLOW_S3_ENDPOINT", "https://s3.example.org:8333"):
        assert part in said


def test_a_region_that_cannot_be_is_not_taken_for_a_wrong_endpoint(
    s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "no region!")
    assert "AWS_DEFAULT_REGION" in message(s3_address, InputError)


def test_a_configuration_file_that_cannot_be_read_is_named_and_not_waited_for(
    s3_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("region = somewhere, but under no heading\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert str(tmp_path / "config") in message(s3_address, InputError)


def test_keys_in_the_credentials_file_of_a_profile_will_do(
    s3_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["[there]", *(f"{n.lower()} = {os.environ[n]}" for n in KEYS)]
    (tmp_path / "credentials").write_text("\n".join(lines))
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "there")
    store = open_bucket(s3_address)
    store.probe()
    assert store.put_if_absent("a", b"bytes") is True
