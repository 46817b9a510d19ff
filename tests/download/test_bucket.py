"""Sources in a bucket, on a real S3 server."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from tasks.common.errors import InputError, SourceError, WorldError
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Source
from tasks.common.settings import settings
from tasks.common.store.address import open_prefix
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.common.workspace.takedowns import Takedown, Takedowns
from tasks.download.fetch import download_key, fetch
from tasks.download.fetchers import s3 as s3_fetcher
from tasks.download.seen import SeenSources
from tasks.download.sources.read import read_sources
from tests.download.fetching import fetch_from, files_below, media_of, png
from tests.seaweed import S3Server


@pytest.fixture
def client(s3_server: S3Server, s3_address: str) -> Iterator[Any]:
    s3_fetcher.source_client.cache_clear()
    yield boto3.client("s3", endpoint_url=s3_server.endpoint)
    s3_fetcher.source_client.cache_clear()


@pytest.fixture
def prefix(client: Any, s3_address: str) -> str:
    folder = s3_address.rpartition("/")[2]
    for name in ("a.png", "sub/b c.PNG", ".hidden/c.png", "notes.txt"):
        client.put_object(Bucket="tests", Key=f"{folder}/{name}", Body=png() + name.encode())
    return folder


def test_a_prefix_gives_its_media_in_order_and_nothing_else(prefix: str) -> None:
    sources = read_sources(f"s3://tests/{prefix}/")
    assert [(source.source_id[:6], source.uri) for source in sources] == [
        ("a.png", f"s3://tests/{prefix}/a.png"),
        ("sub-b-", f"s3://tests/{prefix}/sub/b c.PNG"),
    ]


def test_an_object_is_fetched_byte_for_byte(prefix: str, tmp_path: Path) -> None:
    row = media_of(fetch_from(f"s3://tests/{prefix}/a.png", tmp_path / "w"), tmp_path / "w")
    assert row["media_id"] == hashlib.sha256(png() + b"a.png").hexdigest()


def test_a_replaced_object_has_another_revision(prefix: str, client: Any) -> None:
    (before, other) = read_sources(f"s3://tests/{prefix}/")
    client.put_object(Bucket="tests", Key=f"{prefix}/a.png", Body=png((9, 9)))
    (after, same) = read_sources(f"s3://tests/{prefix}/")
    assert (before.source_id, before.revision != after.revision) == (after.source_id, True)
    assert other == same


def test_a_transfer_that_was_cut_goes_on(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, data = f"s3://tests/{prefix}/a.png", png() + b"a.png"
    fetch_object, n_bytes = s3_fetcher._fetch_object, []

    def cut(client: Any, bucket: str, key: str, partial: Any, pace: Any) -> None:
        n_bytes.append(partial.n_bytes)
        if len(n_bytes) == 1:
            partial.restart(client.head_object(Bucket=bucket, Key=key)["ETag"])
            partial.append(data[:20])
            raise ConnectionError("cut")
        fetch_object(client, bucket, key, partial, pace)

    monkeypatch.setattr(s3_fetcher, "_fetch_object", cut)
    with pytest.raises(WorldError):
        fetch_from(address, tmp_path / "w")
    row = media_of(fetch_from(address, tmp_path / "w"), tmp_path / "w")
    assert row["media_id"] == hashlib.sha256(data).hexdigest()
    assert n_bytes == [0, 20]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        pytest.param("s3://tests/{prefix}/gone.png", "There is no object", id="no such object"),
        pytest.param("s3://no-such-bucket-here/a.png", "There is no", id="no such bucket"),
        pytest.param("s3://key:secret@tests/a.png", "without credentials", id="credentials"),
        pytest.param("s3://tests", "s3://bucket/key", id="no key"),
    ],
)
def test_an_address_without_an_object_is_refused(
    prefix: str, tmp_path: Path, address: str, said: str
) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        fetch_from(address.format(prefix=prefix), tmp_path / "w")
    assert "secret" not in str(caught.value)
    assert files_below(tmp_path / "w") == []


def test_an_empty_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(InputError, match="holds no video or photo"):
        read_sources(f"s3://tests/{prefix}-nothing/")


def test_an_object_is_limited_before_it_comes(prefix: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="more than 10 bytes"):
        fetch_from(f"s3://tests/{prefix}/a.png", tmp_path / "w", max_bytes=10)


def test_what_was_fetched_from_a_bucket_is_known(prefix: str) -> None:
    (source, _) = read_sources(f"s3://tests/{prefix}/")
    workspace, recipe = Workspace.of(settings()), DownloadRecipe()
    assert SeenSources(workspace).status(source) == "new"
    out = ArtifactWriter(workspace, "download", download_key(source, recipe))
    fetch(source, recipe, settings(), out)
    assert SeenSources(workspace).status(source) == "known"
    assert SeenSources(workspace).status(source.model_copy(update={"revision": "x"})) == "edited"


def test_ledger_and_takedowns_of_a_shared_workspace_are_seen_by_every_machine(
    s3_address: str, tmp_path: Path
) -> None:
    here, there = (
        Workspace(tmp_path / name, shared=open_prefix(s3_address)) for name in ("a", "b")
    )
    source, now = Source(source_id="s", uri="https://h/a.mp4"), datetime(2026, 11, 25, tzinfo=UTC)
    SeenSources(here).record(source, "1" * 64, now)
    assert SeenSources(there).status(source) == "known"
    assert [known.source for known in SeenSources(there).with_media("1" * 64)] == [source]
    record = Takedown(kind="source", id="s", reason="asked", at=now)
    here.write(record.key, record.model_dump_json().encode())
    assert Takedowns.of(there).find(source) == record
