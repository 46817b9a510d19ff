"""A server that does everything wrong: what the user is told, and that nothing is left behind."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import SourceError, WorldError
from tasks.common.settings import settings
from tasks.download.fetchers import http as web
from tests.download.fetching import fetch_from, files_below, media_of, png, video
from tests.download.servers import Request, Server, drip, serving

pytestmark = pytest.mark.usefixtures("loopback")
PICTURE = png((640, 480)) + bytes(20_000)


def answer(request: Request) -> None:  # noqa: C901 - a table of answers
    match request.where.strip("/"):
        case "cut":  # each connection carries 5000 bytes
            request.serve(PICTURE, n_bytes=5000)
        case "cut-without-tag":
            request.serve(PICTURE, None, n_bytes=5000)
        case "cut-no-range":  # promises a tag, but starts anew each time
            request.say(200, PICTURE[:5000], length=len(PICTURE), ETag='"v1"')
            request.close_connection = True
        case "cut-once-no-range":
            n_bytes = 5000 if request.n_before == 0 else len(PICTURE)
            request.say(200, PICTURE[:n_bytes], length=len(PICTURE), ETag='"v1"')
            request.close_connection = True
        case "changed":  # another file when it is asked to go on
            is_first = request.n_before == 0
            request.serve(PICTURE if is_first else png(), '"a"' if is_first else '"b"',
                          n_bytes=5000 if is_first else None)  # fmt: skip
        case "other-part":  # an answer that does not fit the question
            if request.headers.get("Range") and request.n_before == 1:
                request.say(206, PICTURE[100:], Content_Range=f"bytes 100-{len(PICTURE)}/9")
            else:
                request.serve(PICTURE, n_bytes=5000 if request.n_before == 0 else None)
        case "too-long":  # promises more than it has
            if request.headers.get("Range"):
                request.serve(PICTURE)
            else:
                request.say(200, PICTURE, length=len(PICTURE) + 1000, ETag='"v1"')
                request.close_connection = True
        case "too-short":  # has more than it promises
            request.say(200, PICTURE, length=len(PICTURE) - 20_000)
            request.close_connection = True
        case "stalls":
            drip(request, PICTURE, 30.0) if request.n_before == 0 else request.serve(
                PICTURE, '"slow"'
            )
        case "mute":
            drip(request, b"x", 3.0)
        case "busy-once":
            if request.n_before:
                request.serve(PICTURE)
            else:
                request.say(429, Retry_After="0")
        case "busy":
            request.say(429, Retry_After="0")
        case "busy-for-hours":
            request.say(503, Retry_After="7200")
        case "page.mp4":
            request.say(200, b"<!doctype html><title>Sign in</title>", Content_Type="video/mp4")
        case "to-private":
            request.say(302, Location="http://169.254.169.254/latest/meta-data/")
        case "to-intranet":
            request.say(302, Location="http://10.0.0.1/video.mp4")
        case "to-file":
            request.say(302, Location="file:///etc/passwd")
        case "endless":
            request.say(302, Location="/endless")
        case status if status.isdigit():
            request.say(int(status), b"no")
        case _:
            request.serve(PICTURE)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(answer) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "n_requests"),
    [
        pytest.param("good", 1, id="good"),
        pytest.param("cut", 5, id="cut every 5000 bytes"),
        pytest.param("cut-once-no-range", 2, id="ignores Range"),
        pytest.param("other-part", 3, id="sends another part than asked for"),
        pytest.param("too-long", 2, id="promises more than it has"),
        pytest.param("stalls", 2, id="stalls"),
        pytest.param("busy-once", 2, id="429 with Retry-After"),
    ],
)
def test_a_transfer_ends_byte_exact_in_spite_of(
    server: Server, tmp_path: Path, name: str, n_requests: int
) -> None:
    row = media_of(fetch_from(f"{server.url}/{name}", tmp_path / "w"), tmp_path / "w")
    assert row["media_id"] == hashlib.sha256(PICTURE).hexdigest()
    assert len(server.asked) == n_requests
    assert parts_left() == []


def test_a_file_that_changed_is_not_mixed_with_what_came_of_the_old_one(
    server: Server, tmp_path: Path
) -> None:
    row = media_of(fetch_from(f"{server.url}/changed", tmp_path / "w"), tmp_path / "w")
    assert row["media_id"] == hashlib.sha256(png()).hexdigest()


HOSTILE = [
    ("403", SourceError, "answered 403"),
    ("404", SourceError, "answered 404"),
    ("410", SourceError, "answered 410"),
    ("429", WorldError, "answered 429"),
    ("500", WorldError, "answered 500"),
    ("busy", WorldError, "answered 429 Too Many Requests, and asks to wait 0 s"),
    ("busy-for-hours", WorldError, "asks to wait 7,200 s"),
    ("cut-without-tag", WorldError, "after 5,000 bytes"),
    ("cut-no-range", WorldError, "after 5,000 bytes"),
    ("mute", WorldError, "could not be read"),
    ("too-short", None, ""),
    ("page.mp4", SourceError, "holds text (perhaps a web page"),
    ("to-private", SourceError, "was not requested"),
    ("to-intranet", SourceError, "10.0.0.0/8"),
    ("to-file", SourceError, "was not requested"),
    ("endless", SourceError, "redirects too often"),
]


@pytest.mark.parametrize(("name", "error", "said"), HOSTILE, ids=[case[0] for case in HOSTILE])
def test_a_hostile_server_is_told_in_one_sentence_and_leaves_nothing_in_the_workspace(
    server: Server, tmp_path: Path, name: str, error: type[Exception] | None, said: str
) -> None:
    if error is None:  # what it promised is a whole picture, and what it sent beyond is not read
        assert fetch_from(f"{server.url}/{name}", tmp_path / "w").n_kept == 1
        return
    with pytest.raises(error) as caught:
        fetch_from(f"{server.url}/{name}", tmp_path / "w")
    assert said in str(caught.value)
    assert files_below(tmp_path / "w") == []
    if error is SourceError:
        assert parts_left() == []


def parts_left() -> list[str]:
    folder = settings().scratch
    return [name for name in files_below(folder) if not name.endswith(".lock")]


def test_the_next_attempt_goes_on_where_the_last_one_gave_up(tmp_path: Path) -> None:
    def down_at_first(request: Request) -> None:
        if request.server.counts[request.where] == 2:
            request.say(500)
        else:
            request.serve(PICTURE, n_bytes=8000 if request.n_before == 0 else None)

    with serving(down_at_first) as server:
        with pytest.raises(WorldError, match="answered 500"):
            fetch_from(f"{server.url}/a.png", tmp_path / "w")
        (part,) = [name for name in parts_left() if name.endswith(".part")]
        assert (settings().scratch / part).stat().st_size == 8000
        row = media_of(fetch_from(f"{server.url}/a.png", tmp_path / "w"), tmp_path / "w")
    assert row["media_id"] == hashlib.sha256(PICTURE).hexdigest()
    assert parts_left() == []


def test_a_full_disk_is_noticed_before_anything_comes(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTEFLOW_DISK_RESERVE_MB", str(1 << 30))
    settings.cache_clear()
    with pytest.raises(
        WorldError, match=r"MB free; 0 MB are still to be downloaded, and .* must stay free"
    ):
        fetch_from(f"{server.url}/good", tmp_path / "w")
    sizes = [(settings().scratch / name).stat().st_size for name in parts_left() if "part" in name]
    assert sum(sizes) == 0


def test_a_size_over_the_limit_is_refused_before_it_comes(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="more than 99 bytes"):
        fetch_from(f"{server.url}/good", tmp_path / "w", max_bytes=99)
    assert parts_left() == []


def test_without_a_setting_no_server_of_this_machine_is_asked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTEFLOW_ALLOW_NETWORKS", "")
    settings.cache_clear()
    for address in (server.url, server.url.replace("127.0.0.1", "localhost")):
        with pytest.raises(SourceError, match=r"127\.0\.0\..*MATTEFLOW_ALLOW_NETWORKS|::1"):
            fetch_from(f"{address}/good", tmp_path / "w")
    assert server.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "http://127.1/a.mp4",
        "http://2130706433/a.mp4",
        "http://0177.0.0.1/a.mp4",
        "http://[::ffff:127.0.0.1]/a.mp4",
        "http://0.0.0.0/a.mp4",
        "http://169.254.169.254/latest/meta-data/",
        "http://user:secret@10.0.0.7/a.mp4",
    ],
)
def test_other_ways_to_write_a_private_address_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("MATTEFLOW_ALLOW_NETWORKS", "")
    settings.cache_clear()
    with pytest.raises(SourceError) as caught:
        fetch_from(address, tmp_path / "w")
    assert "was not requested" in str(caught.value) or "Invalid IPv4" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_name_that_leads_to_a_private_address_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    look_up = socket.getaddrinfo

    def tricked(host: str, *args: Any, **kwargs: Any) -> Any:
        return look_up("10.1.2.3" if host == "videos.example.org" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", tricked)
    with pytest.raises(SourceError, match=r"leads to 10\.1\.2\.3"):
        fetch_from("http://videos.example.org/a.mp4", tmp_path / "w")


def test_a_video_is_the_same_after_many_cuts(tmp_path: Path) -> None:
    data = video(tmp_path, 30)
    step = len(data) // 9 + 1
    with serving(lambda request: request.serve(data, n_bytes=step)) as server:
        row = media_of(fetch_from(f"{server.url}/a.mp4", tmp_path / "w"), tmp_path / "w")
    assert (row["media_id"], row["kind"]) == (hashlib.sha256(data).hexdigest(), "video")
    assert len(server.asked) == 9


def test_a_server_that_only_drips_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drips(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        for _ in range(100):
            request.wfile.write(b"x")
            time.sleep(0.02)

    monkeypatch.setattr(web, "_SLOW_AFTER_S", 0.2)
    with (
        serving(drips) as server,
        pytest.raises(WorldError, match=r"bytes a second; at least 1,000"),
    ):
        fetch_from(f"{server.url}/a.mp4", tmp_path / "w")
