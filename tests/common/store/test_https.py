"""A server that speaks https with a certificate of its own, as in-house ones do."""

import os
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tasks.common.errors import InputError
from tasks.common.store.objects import Stored
from tests.common.store.stores import content_of, md5_of, open_bucket, put
from tests.seaweed import S3Server, seaweed
from tests.tiers import needs

DATA = b"bytes of a picture"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "matteflow tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
@needs("service")
def https_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[S3Server, Path]]:
    """A second server, which speaks https, with the bucket `tests`; and its certificate."""
    folder = tmp_path_factory.mktemp("https")
    certificate = make_certificate(folder)
    with seaweed(folder / "data", certificate=certificate) as server:
        with warnings.catch_warnings(action="ignore"):  # this request trusts every certificate
            server.make_bucket("tests")
        yield server, certificate[0]


@pytest.fixture
def certificate(https_server: tuple[S3Server, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate of the server, whose address and keys are in the environment."""
    server, path = https_server
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    assert os.environ["AWS_ENDPOINT_URL_S3"].startswith("https://127.0.0.1:")
    return path


def test_a_store_keeps_its_promises_over_https(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    store = open_bucket("s3://tests/https")
    store.probe()
    put(store, "a/照 片.jpg", DATA)
    big = bytes(9 << 20)
    put(store, "b/big", big)
    assert store.get("a/照 片.jpg") == DATA
    assert store.fetch("b/big", tmp_path / "big") is True
    assert (tmp_path / "big").read_bytes() == big
    assert store.copy("a/照 片.jpg", "a/2", content_of(DATA)) is True
    assert store.copy("a/照 片.jpg", "a/3", content_of(DATA[::-1])) is False
    assert store.list_objects("a/") == {
        key: Stored(len(DATA), md5_of(DATA)) for key in ("a/照 片.jpg", "a/2")
    }
    assert [store.put_if_absent("c", data) for data in (b"1", b"2")] == [True, False]
    assert [store.swap("c", b"1", data) for data in (b"3", b"4")] == [True, False]
    store.delete(["a/2"])
    assert (store.get("c"), store.get("a/2"), store.list_folders("")) == (b"3", None, ["a", "b"])


@pytest.mark.usefixtures("certificate")
def test_a_certificate_that_nobody_vouches_for_is_told_with_the_variable() -> None:
    with pytest.raises(InputError, match=r"certificate of s3://tests/.* AWS_CA_BUNDLE"):
        open_bucket("s3://tests/https").probe()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="no file"),
        pytest.param("", id="empty"),
        pytest.param("not a certificate\n", id="something else"),
    ],
)
@pytest.mark.usefixtures("certificate")
def test_a_bundle_that_is_none_is_told_with_its_variable(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    if text is not None:
        bundle.write_text(text)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    with pytest.raises(InputError, match="AWS_CA_BUNDLE"):
        open_bucket("s3://tests/https").probe()


def test_https_to_a_server_that_speaks_http_is_told_with_its_address(
    s3_address: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = s3_server.endpoint.replace("http:", "https:")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    with pytest.raises(InputError, match=endpoint):
        open_bucket(s3_address).probe()
