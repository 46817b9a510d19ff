"""yt-dlp: off by default, one site, one file, public addresses only."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.common.errors import MatteflowError, SourceError
from tasks.common.settings import settings
from tests.download.fetching import fetch_from, files_below, media_of, video
from tests.download.servers import Request, Server, serving

pytestmark = pytest.mark.service  # the sandbox, a child process


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    data = video(tmp_path)

    def answer(request: Request) -> None:
        if request.where == "/moved":
            request.say(302, Location="http://10.9.8.7/clip.mp4")
        else:
            request.say(200, data, Content_Type="video/mp4")

    Request.do_HEAD = Request.do_GET  # type: ignore[attr-defined]
    with serving(answer) as running:
        yield running


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch, loopback: None) -> None:
    monkeypatch.setenv("MATTEFLOW_YTDLP_EXTRACTORS", "generic")
    settings.cache_clear()


def test_it_is_off_unless_a_site_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="yt-dlp is off"):
        fetch_from(f"ytdlp+{server.url}/clip.mp4", tmp_path / "w")
    assert server.asked == []


def test_a_video_is_fetched_from_a_site_that_is_allowed(
    server: Server, tmp_path: Path, allowed: None
) -> None:
    row = media_of(fetch_from(f"ytdlp+{server.url}/clip.mp4", tmp_path / "w"), tmp_path / "w")
    made = (tmp_path / "made.mp4").read_bytes()
    assert (row["kind"], row["media_id"]) == ("video", hashlib.sha256(made).hexdigest())
    assert [name for name in files_below(settings().scratch) if "lock" not in name] == []


def test_another_site_than_those_named_is_not_asked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loopback: None
) -> None:
    monkeypatch.setenv("MATTEFLOW_YTDLP_EXTRACTORS", "youtube")
    settings.cache_clear()
    with pytest.raises(SourceError, match="could not fetch"):
        fetch_from(f"ytdlp+{server.url}/clip.mp4", tmp_path / "w")
    assert server.asked == []


@pytest.mark.parametrize("path", ["clip.mp4", "moved"])
def test_a_private_address_is_refused_also_after_a_redirect(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: None, path: str
) -> None:
    if path == "clip.mp4":
        monkeypatch.setenv("MATTEFLOW_ALLOW_NETWORKS", "")
        settings.cache_clear()
    with pytest.raises(MatteflowError, match=r"not permitted|was not requested"):
        fetch_from(f"ytdlp+{server.url}/{path}", tmp_path / "w")
    assert files_below(tmp_path / "w") == []
