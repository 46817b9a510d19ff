import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tasks.common.errors import MatteflowError, SourceError, WorldError
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.settings import settings
from tasks.download.fetch import download_key
from tasks.download.fetchers.registry import fingerprint
from tasks.download.sources.read import read_sources
from tests.download.fetching import fetch_from, files_below, media_of
from tests.download.servers import Request, serving

pytestmark = pytest.mark.usefixtures("loopback")


def picture() -> bytes:
    stream = BytesIO()
    Image.effect_noise((64, 48), 40).save(stream, "PNG")
    return stream.getvalue()


PICTURE = picture()


class Handler(BaseHTTPRequestHandler):
    """Answers what the path asks for: a status, a cut body, a redirect …"""

    def do_GET(self) -> None:
        name = self.path.strip("/").split("?")[0]
        if name.isdigit():
            self.answer(int(name), b"no")
        elif name == "moved":
            self.answer(302, b"", Location="/photo.png")
        elif name == "loop":
            self.answer(302, b"", Location="/loop")
        elif name == "cut":
            self.answer(200, PICTURE[:100], length=len(PICTURE))
        elif name == "silent":
            self.close_connection = True
        elif name == "zipped":
            self.answer(200, gzip.compress(PICTURE), Content_Encoding="gzip")
        elif name == "not-zipped":
            self.answer(200, PICTURE, Content_Encoding="gzip")
        elif name == "page":
            self.answer(200, b"<!doctype html><title>Sign in</title>")
        else:
            self.answer(200, PICTURE)

    def answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[str]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.mark.parametrize("name", ["photo.png", "moved", "zipped", "photo.png?token=1"])
def test_a_file_on_a_server_is_fetched_byte_for_byte(
    server: str, tmp_path: Path, name: str
) -> None:
    row = media_of(fetch_from(f"{server}/{name}", tmp_path / "w"), tmp_path / "w")
    assert row["media_id"] == hashlib.sha256(PICTURE).hexdigest()
    assert (row["width_px"], row["height_px"], row["size_bytes"]) == (64, 48, len(PICTURE))


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        pytest.param("404", SourceError, "answered 404", id="not found"),
        pytest.param("403", SourceError, "answered 403", id="forbidden"),
        pytest.param("410", SourceError, "answered 410", id="gone"),
        pytest.param("429", WorldError, "answered 429", id="too many requests"),
        pytest.param("500", WorldError, "answered 500", id="server error"),
        pytest.param("503", WorldError, "answered 503", id="unavailable"),
        pytest.param("cut", WorldError, "could not be read", id="cut in the middle"),
        pytest.param("silent", WorldError, "could not be read", id="no answer"),
        pytest.param("page", SourceError, "holds text", id="sign-in page"),
        pytest.param("loop", MatteflowError, "/loop", id="endless redirect"),
        pytest.param("not-zipped", MatteflowError, "/not-zipped", id="wrong content encoding"),
    ],
)
def test_a_bad_answer_is_told_in_the_right_voice_and_leaves_nothing(
    server: str, tmp_path: Path, name: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        fetch_from(f"{server}/{name}", tmp_path / "w")
    assert said in str(caught.value)
    assert files_below(tmp_path / "w") == []


def test_a_server_that_is_not_there_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="could not be read"):
        fetch_from("http://127.0.0.1:1/a.mp4", tmp_path / "w")


@pytest.mark.parametrize("uri", ["http://", "http:///a.mp4", "http://127.0.0.1:99999/a.mp4"])
def test_an_address_that_cannot_be_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(MatteflowError) as caught:
        fetch_from(uri, tmp_path / "w")
    assert uri in str(caught.value)


def test_a_download_over_the_limit_stops(server: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="more than 99 bytes"):
        fetch_from(f"{server}/photo.png", tmp_path / "w", max_bytes=99)
    assert files_below(tmp_path / "w") == []


def test_the_fingerprint_of_a_web_address_asks_no_server() -> None:
    assert fingerprint("http://127.0.0.1:1/a.mp4") == "http://127.0.0.1:1/a.mp4"


def test_an_edited_file_on_a_server_is_noticed_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = ['"v1"']

    def answer(request: Request) -> None:
        request.say(200, PICTURE, ETag=tag[0])

    monkeypatch.setattr(Request, "do_HEAD", Request.do_GET, raising=False)
    monkeypatch.setenv("MATTEFLOW_REVISIT_WEB", "true")
    settings.cache_clear()
    with serving(answer) as running:
        (before,) = read_sources(f"{running.url}/a.png")
        (same,) = read_sources(f"{running.url}/a.png")
        tag[0] = '"v2"'
        (after,) = read_sources(f"{running.url}/a.png")
    (gone,) = read_sources(f"{running.url}/a.png")
    assert (before.revision, same, after.revision) == ('"v1"', before, '"v2"')
    assert gone.revision is None
    assert len({download_key(one, DownloadRecipe()) for one in (before, after, gone)}) == 3
