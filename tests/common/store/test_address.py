"""Which store an address names, and which addresses are refused without repeating a secret."""

from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.store.folder import FolderStore
from tasks.common.store.s3 import S3Store
from tests.common.store.stores import as_logged, client_of, open_bucket
from tests.seaweed import S3Server

ROOT = "Insta360SemanticSeg"


def changed(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Set a variable and have the settings read again."""
    monkeypatch.setenv(name, value)
    settings.cache_clear()


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        pytest.param("file:///srv/store", "/srv/store", id="plain"),
        pytest.param("file://localhost/srv/store", "/srv/store", id="localhost"),
        pytest.param("file:///srv/store/", "/srv/store", id="slash at its end"),
        pytest.param("file:///", "/", id="root"),
        pytest.param("file:///srv/with%20space", "/srv/with space", id="space escaped"),
        pytest.param("file:///srv/with space", "/srv/with space", id="space"),
        pytest.param("file:///srv/100%25", "/srv/100%", id="percent"),
        pytest.param("file:///srv/%E7%85%A7", "/srv/照", id="chinese escaped"),
        pytest.param("file:///srv/照", "/srv/照", id="chinese"),
    ],
)
def test_a_file_address_is_a_folder_with_the_root_name_below(address: str, folder: str) -> None:
    store = open_store(address)
    assert isinstance(store, FolderStore)
    assert store.root == Path(folder) / ROOT


def test_a_folder_whose_name_needs_escaping_comes_back_from_the_store_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "with space, #hash?, 100% and ümlaut"
    changed(monkeypatch, "MATTEFLOW_HOME", str(home))
    store = open_store(settings().store)
    assert isinstance(store, FolderStore)
    assert store.root == home / "store" / ROOT


@pytest.mark.parametrize(
    ("address", "url"),
    [
        pytest.param("s3://bucket", f"s3://bucket/{ROOT}/k", id="no prefix"),
        pytest.param("s3://bucket/", f"s3://bucket/{ROOT}/k", id="only a slash"),
        pytest.param("s3://bucket/a/b", f"s3://bucket/a/b/{ROOT}/k", id="prefix"),
        pytest.param("s3://bucket/a/b/", f"s3://bucket/a/b/{ROOT}/k", id="slash at its end"),
        pytest.param("s3://bucket//a//b", f"s3://bucket/a/b/{ROOT}/k", id="slashes doubled"),
        pytest.param("s3://bucket/照 片", f"s3://bucket/照 片/{ROOT}/k", id="chinese"),
        pytest.param("s3://my.bucket-1/a", f"s3://my.bucket-1/a/{ROOT}/k", id="dots and dashes"),
        pytest.param("s3://bucket/a..b/.c", f"s3://bucket/a..b/.c/{ROOT}/k", id="dots in names"),
    ],
)
def test_a_bucket_address_has_the_root_name_below_its_prefix(address: str, url: str) -> None:
    store = open_store(address)
    assert isinstance(store, S3Store)
    assert store.url("k") == url


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/srv/store",
        "store",
        "file:store",
        "file://",
        "file://host/x",
        "file://[x",
        "FILE:///srv/store",
        "s3:bucket",
        "s3://",
        "s3:///prefix",
        "s3://b",
        "s3://bucket/../other",
        "s3://bucket/a/..",
        "s3://bucket/./a",
        "s3://buc ket/a",
        "s3://-bucket",
        "s3://bucket:8333/a",
        "s3a://bucket/a",
        "gs://bucket/a",
        "https://s3.example.org/bucket",
    ],
)
def test_another_address_is_refused_and_shown_with_what_was_expected(address: str) -> None:
    with pytest.raises(InputError) as refusal:
        open_store(address)
    for part in (repr(address), "file:///absolute/folder or s3://bucket/prefix", "MATTEFLOW_STORE"):
        assert part in str(refusal.value)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("s3://AKIA123:{}@bucket/prefix", id="before the bucket"),
        pytest.param("s3://AKIA123:{}@s3.example.org/bucket", id="before a host"),
        pytest.param("https://AKIA123:{}@s3.example.org/bucket", id="other scheme"),
        pytest.param("file://somebody:{}@host/folder", id="file"),
        pytest.param("s3:AKIA123:{}@bucket", id="without slashes"),
        pytest.param("AKIA123:{}@bucket", id="without a scheme"),
    ],
)
@pytest.mark.parametrize("secret", ["NobodyMaySeeThis", "Nobody/MaySeeThis", "NobodyMay@SeeThis"])
def test_credentials_in_an_address_are_refused_and_never_repeated(
    address: str, secret: str
) -> None:
    with pytest.raises(InputError) as refusal:
        open_store(address.format(secret))
    assert "SeeThis" not in as_logged(refusal.value)


def test_credentials_in_a_bucket_address_are_told_where_they_belong() -> None:
    with pytest.raises(InputError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a prof"):
        open_store("s3://AKIA123:secret@bucket/prefix")


def test_an_address_without_end_is_shown_in_part() -> None:
    with pytest.raises(InputError) as refusal:
        open_store("gs://" + "x" * 5000)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("address", ["file:///srv/store", "s3://bucket/prefix"])
def test_the_settings_say_the_root_name_and_the_connections(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(monkeypatch, "MATTEFLOW_ROOT_NAME", "Other")
    changed(monkeypatch, "MATTEFLOW_STORE_CONNECTIONS", "40")
    store = open_store(address)
    assert (store.url("k"), store.n_connections) == (f"{address}/Other/k", 40)


def test_a_bucket_has_as_many_connections_as_the_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed(monkeypatch, "MATTEFLOW_STORE_CONNECTIONS", "40")
    assert client_of(open_bucket("s3://bucket")).meta.config.max_pool_connections == 40


@pytest.mark.parametrize("variable", [None, "http://127.0.0.1:1"])
def test_the_endpoint_of_the_settings_goes_before_that_of_aws(
    variable: str | None,
    s3_address: str,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    if variable:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", variable)
    changed(monkeypatch, "MATTEFLOW_S3_ENDPOINT", s3_server.endpoint)
    store = open_bucket(s3_address)
    store.probe()
    assert store.location == f"{s3_address}/{ROOT} at {s3_server.endpoint}"


@pytest.mark.parametrize("end", ["", "/"])
def test_a_server_with_a_name_is_asked_by_path(
    end: str, s3_address: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = s3_server.endpoint.replace("127.0.0.1", "localhost") + end
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    store = open_bucket(s3_address)
    assert store.put_if_absent("a", b"bytes") is True
    assert store.get("a") == b"bytes"


def test_without_an_endpoint_it_is_the_store_of_aws() -> None:
    assert open_bucket("s3://bucket/x").location.endswith("amazonaws.com")


@pytest.mark.parametrize("address", ["file:///proc/nowhere/store", "s3://bucket/prefix"])
def test_opening_asks_and_writes_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    assert open_store(address).url("k") == f"{address}/{ROOT}/k"
