import logging

import httpx
import pytest

from tasks.common.records import WHOLE_ADDRESSES, Source
from tasks.common.settings import settings
from tasks.common.uri import address_name, is_remote, is_shortened, redacted, scheme_of, stored
from tasks.download.http.client import http_client

SIGNED = "https://cdn.example.org/v/1.mp4?id=7&X-Amz-Signature=abc&X-Amz-Expires=600&Expires=1"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param("clips/a.mp4", "clips/a.mp4", id="path"),
        pytest.param("/a?token=1#x.mp4", "/a?token=1#x.mp4", id="path with odd letters"),
        pytest.param("package:n/a.mp4", "package:n/a.mp4", id="package"),
        pytest.param("https://h/a.mp4", "https://h/a.mp4", id="nothing to hide"),
        pytest.param("https://h/a?id=7&v=2", "https://h/a?id=7&v=2", id="harmless query"),
        pytest.param(SIGNED, "https://cdn.example.org/v/1.mp4?id=7", id="AWS signature"),
        pytest.param("https://u:p@h:8/a", "https://h:8/a", id="password"),
        pytest.param("https://h/a#access_token=x", "https://h/a", id="fragment"),
        pytest.param("https://h/a?sig=1&se=2&sp=r&st=3", "https://h/a", id="Azure"),
        pytest.param("https://h/a?q=" + "x" * 32, "https://h/a", id="long value"),
        pytest.param("https://h:x[/a", "https:///…", id="no address"),
        pytest.param("ytdlp+https://h/w?v=1&token=2", "ytdlp+https://h/w?v=1", id="site"),
    ],
)
def test_a_uri_is_redacted_of_passwords_signatures_and_tokens(uri: str, expected: str) -> None:
    assert redacted(uri) == expected
    assert redacted(expected) == expected


@pytest.mark.parametrize(
    ("uri", "scheme"),
    [("a.mp4", ""), ("sub/12:30.mp4", ""), ("HTTP://h", "http"), ("s3://b/k", "s3")],
)
def test_a_scheme_is_what_stands_before_a_colon(uri: str, scheme: str) -> None:
    assert scheme_of(uri) == scheme
    assert is_remote(uri) == bool(scheme)


def test_a_source_is_stored_without_signature_but_fetched_with_it() -> None:
    source = Source(source_id="a", uri=SIGNED)
    assert source.uri == SIGNED
    assert "Signature" not in source.model_dump_json()
    assert Source.model_validate_json(source.model_dump_json(context=WHOLE_ADDRESSES)) == source


def test_the_log_of_the_client_shows_no_signature() -> None:
    http_client(settings())
    logger = logging.getLogger("httpx")
    asked = ("GET", httpx.URL(SIGNED))
    record = logger.makeRecord("httpx", logging.INFO, "", 0, "HTTP Request: %s %s", asked, None)
    assert logger.filter(record)
    assert record.getMessage() == "HTTP Request: GET https://cdn.example.org/v/1.mp4?id=7"


AZURE = "sv=2024&se=1&sr=b&sp=r&sig="


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("X-Amz-Signature=a&X-Amz-Date=1", "X-Amz-Signature=b&X-Amz-Date=2"),
        ("X-Goog-Signature=a&X-Goog-Date=1", "X-Goog-Signature=b&X-Goog-Date=2"),
        ("AWSAccessKeyId=a&Signature=b&Expires=1", "AWSAccessKeyId=a&Signature=c&Expires=2"),
        ("OSSAccessKeyId=a&Signature=b&Expires=1", "OSSAccessKeyId=a&Signature=c&Expires=2"),
        ("Policy=a&Signature=b&Key-Pair-Id=1", "Policy=c&Signature=d&Key-Pair-Id=1"),
        (f"{AZURE}a", f"{AZURE}b"),
    ],
)
def test_an_address_that_is_signed_anew_is_the_same(one: str, other: str) -> None:
    assert address_name(f"https://h/a?id=7&{one}") == address_name(f"https://h/a?id=7&{other}")
    assert address_name(f"https://h/a?id=7&{one}") != address_name(f"https://h/a?id=8&{one}")


@pytest.mark.parametrize(
    "uri",
    [
        *("https://h/a b.jpg", "https://h/a?key=b c", "https://u:p@h/a", "s3://b/a?key=1#2.jpg"),
        *("https://h:x[/a", "ytdlp+https://h/w?v=1&t=2", "ytdlp+https://h/#!a", SIGNED, "/a?t=1"),
    ],
)
def test_what_is_stored_names_the_same_address(uri: str) -> None:
    assert address_name(stored(uri)) == address_name(uri)
    assert stored(stored(uri)) == stored(uri)
    assert redacted(stored(uri)) == redacted(uri)
    assert is_shortened(stored(uri)) == (stored(uri) != redacted(uri))
