"""What lies beside the media: sidecars, covers, leftovers, and files that are none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import InputError, SourceError
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.download.http.site_headers import headers_for
from tasks.download.sources.read import read_listing, read_sources
from tasks.download.task import download
from tests.download.fetching import png
from tests.download.servers import Request, Server, serving
from tests.download.test_folder import touch
from tests.tiers import needs

INFO = {
    "id": "abc",
    "title": "In the park",
    "uploader": "Ann",
    "license": "Creative Commons",
    "webpage_url": "https://v.example/watch?v=abc",
    "tags": ["football", "x" * 90, "park"],
    "upload_date": "20260102",
}


def write(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values))


def test_every_file_that_is_no_source_is_counted_by_kind(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *("a.jpg", "b.HEIC", "c.m2ts", "d.insv", "e.lrv", "f.dng", "notes.txt", "g", "._a.jpg"),
        *("@eaDir/a.jpg/THUMB.jpg", "#recycle/x.jpg", "$RECYCLE.BIN/$R.jpg", "__MACOSX/._a.jpg"),
    )
    listing = read_listing(str(tmp_path))
    assert [s.source_id for s in listing.sources] == ["a.jpg", "b.HEIC", "c.m2ts"]
    text = "\n".join(listing.skipped)
    for sentence in (
        "1 skipped: hidden files",
        "4 skipped: files of a recycle bin",
        "2 skipped: camera files with two lenses",
        "1 skipped: camera raw photos; develop them to JPEG: f.dng.",
        "2 skipped: files of other formats (.txt no suffix): g, notes.txt.",
    ):
        assert sentence in text


def test_a_folder_of_nothing_usable_says_what_is_there(tmp_path: Path) -> None:
    touch(tmp_path, "a.dng", "b.dng", "c.dng", "d.dng")
    with pytest.raises(InputError, match=r"4 skipped: camera raw .*a.dng, b.dng, c.dng and 1 more"):
        read_sources(str(tmp_path))


def test_a_folder_of_yt_dlp_gives_videos_with_their_origin(tmp_path: Path) -> None:
    touch(tmp_path, "C [abc].mp4", "C [abc].jpg", "C [abc].f137.mp4", "C [abc].webp", "x.mp4")
    touch(tmp_path, "x.jpg")  # no sidecar: a photo of its own
    write(tmp_path / "C [abc].info.json", INFO)
    listing = read_listing(str(tmp_path))
    source, *others = sorted(listing.sources, key=lambda s: s.uri)
    assert Path(source.uri).name == "C [abc].mp4"
    assert [Path(other.uri).name for other in others] == ["x.jpg", "x.mp4"]
    assert (source.entry, source.uploader, source.licence) == ("abc", "Ann", "Creative Commons")
    assert (source.shared_at, source.scenes) == ("2026-01-02", ("football", "park"))
    assert source.attribution == "In the park (https://v.example/watch?v=abc)"
    assert [sentence[:20] for sentence in listing.skipped] == [
        "2 skipped: covers of",
        "1 skipped: leftovers",
    ]


@pytest.mark.parametrize(
    ("name", "values", "uploader"),
    [
        ("a.json", {"key": "1", "url": "https://h/a.jpg", "caption": "c", "author": "B"}, "B"),
        ("a.jpg.json", {"author": {"name": "C"}, "date": "2026-01-01"}, "C"),
        ("a.json", {"labels": [1]}, None),
        ("a.json", [1], None),
    ],
    ids=["img2dataset", "gallery-dl", "labels", "a list"],
)
def test_other_sidecars(tmp_path: Path, name: str, values: Any, uploader: str | None) -> None:
    touch(tmp_path, "a.jpg")
    write(tmp_path / name, values)
    (source,) = read_sources(str(tmp_path))
    assert source.uploader == uploader


def test_a_broken_sidecar_is_told(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "a.info.json")
    assert "1 skipped: sidecars that cannot be read" in read_listing(str(tmp_path)).skipped[0]


# --- headers -------------------------------------------------------------------------------------


def guarded(request: Request) -> None:
    if "weibo.com" not in request.headers.get("Referer", ""):
        request.say(403)
    else:
        request.serve(png())


@pytest.fixture
@needs("service")
def weibo(loopback: None) -> Iterator[Server]:
    with serving(guarded) as running:
        yield running


def listed(tmp_path: Path, server: Server, headers: str) -> str:
    (tmp_path / "l.yaml").write_text(
        f"{headers}\nsources: [{{source_id: a, uri: '{server.url}/large.jpg'}}]"
    )
    return str(tmp_path / "l.yaml")


def test_a_site_gets_the_referer_that_it_wants(weibo: Server, tmp_path: Path) -> None:
    (source,) = read_sources(listed(tmp_path, weibo, ""))
    with pytest.raises(SourceError, match="give it under `headers` in the source list"):
        download.fn(source=source, recipe=DownloadRecipe())
    given = "headers: {127.0.0.1: {referer: 'https://weibo.com/'}}"
    (source,) = read_sources(listed(tmp_path, weibo, given))
    assert download.fn(source=source, recipe=DownloadRecipe()).n_kept == 1


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ("headers: {h: {Authorization: abc}}", "env:MATTEFLOW_TOKEN_NAME"),
        ("headers: {h: {Cookie: a}}", "'Cookie' cannot be given"),
        ("headers: {h: {Referer: 'ä'}}", "printable ASCII"),
        ("headers: {'h/../x': {Referer: a}}", "no host"),
        ("headers: [a]", "must name hosts"),
    ],
)
def test_headers_that_may_not_be_given(tmp_path: Path, headers: str, sentence: str) -> None:
    (tmp_path / "l.yaml").write_text(f"{headers}\nsources: [{{source_id: a, uri: /a}}]")
    with pytest.raises(InputError, match=sentence):
        read_sources(str(tmp_path / "l.yaml"))


def test_a_secret_header_is_read_when_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "l.yaml").write_text(
        "headers: {example.org: {Authorization: 'env:MATTEFLOW_TOKEN_X'}}\n"
        "sources: [{source_id: a, uri: /a}]"
    )
    read_sources(str(tmp_path / "l.yaml"))
    workspace = Workspace.of(settings())
    with pytest.raises(SourceError, match="needs MATTEFLOW_TOKEN_X"):
        headers_for("https://cdn.example.org/a", workspace)
    monkeypatch.setenv("MATTEFLOW_TOKEN_X", "Bearer hunter2")
    assert headers_for("https://cdn.example.org:8/a", workspace) == {
        "Authorization": "Bearer hunter2"
    }
    assert headers_for("https://badexample.org/a", workspace) == {}
    everything = [path.read_bytes() for path in settings().home.rglob("*") if path.is_file()]
    assert not any(b"hunter2" in data for data in everything)
