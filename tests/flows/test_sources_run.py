"""Scheduled runs over a community that changes, and a takedown followed to the next version."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.engine.run_record import RunRecord, load_run
from flows.ingest import ingest
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.task import open_registry
from tests.download.servers import Request, Server, serving
from tests.flows.builders import exit_code
from tests.flows.test_ingest import forbid_models, recipe_file

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


class Works:
    """Photos that are shared, each behind an address that is signed anew at each asking."""

    def __init__(self, photo: bytes):
        self.photo = photo
        self.names = ["w1", "w2"]
        self.signature = 0

    def __call__(self, request: Request) -> None:
        first, *rest = request.where.strip("/").split("/")
        if first == "media":
            # A few bytes behind the end of a JPEG change its digest and nothing that is seen.
            request.serve(self.photo + rest[0].encode())
        elif rest:
            request.say_json(self.item(rest[0], request))
        else:
            newest = self.names[::-1] if request.query["page"] == "1" else []
            request.say_json({"items": [self.item(name, request) for name in newest]})

    def item(self, name: str, request: Request) -> dict[str, Any]:
        self.signature += 1
        address = f"{request.server.url}/media/{name}?Signature=s{self.signature}"
        uploader = "bob" if name == "w2" else "ann"
        return {"id": name, "url": address, "by": uploader, "licence": "CC-BY-4.0"}


@pytest.fixture
def works(bus_photo: Path) -> Works:
    return Works(bus_photo.read_bytes())


@pytest.fixture
def server(works: Works, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("MATTEFLOW_ALLOW_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("MATTEFLOW_REQUESTS_PER_S", "1000")
    settings.cache_clear()
    with serving(works) as running:
        yield running


@pytest.fixture
def listing(server: Server, tmp_path: Path) -> str:
    fields = {"entry": "id", "media": "url", "uploader": "by", "licence": "licence"}
    described = {
        "name": "works",
        "url": f"{server.url}/works",
        "items": "items",
        "fields": fields,
        "item_url": f"{server.url}/works/{{entry}}",
    }
    (tmp_path / "works.yaml").write_text(yaml.safe_dump({"community": described, "batch": "b1"}))
    return str(tmp_path / "works.yaml")


def run(listing: str, recipe: str) -> tuple[Any, RunRecord]:
    state = ingest(sources=listing, recipe=recipe, publish="partial", return_state=True)
    return state, load_run(Workspace.of(settings()), None)


def downloads(server: Server) -> list[str]:
    return sorted({path.partition("?")[0] for path in server.asked if path.startswith("/media/")})


def test_runs_pick_up_only_what_is_new_and_leave_out_what_was_taken_down(
    listing: str,
    server: Server,
    works: Works,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = recipe_file(tmp_path)
    state, first = run(listing, recipe)
    assert state.is_completed(), state.message
    assert downloads(server) == ["/media/w1", "/media/w2"]
    assert first.publication is not None
    n_samples = first.publication.n_samples
    with monkeypatch.context() as patched:
        forbid_models(patched)
        del server.asked[:]
        state, second = run(listing, recipe)
        assert state.is_completed(), state.message
        assert server.asked == ["/works?page=1"]
        assert second.publication is not None
        assert (second.publication.version, second.publication.is_new) == (1, False)
    works.names.append("w3")
    del server.asked[:]
    _, third = run(listing, recipe)
    assert downloads(server) == ["/media/w3"]
    assert {outcome.source.entry for outcome in third.outcomes} == {"w1", "w2", "w3"}
    assert exit_code("takedown", "--uploader", "ann", "--reason", "asked by mail") == 0
    assert "2 sources: works-w1 works-w3" in capsys.readouterr().out
    del server.asked[:]
    with monkeypatch.context() as patched:
        forbid_models(patched)
        _, fourth = run(listing, recipe)
    assert [outcome.source.entry for outcome in fourth.outcomes] == ["w2"]
    assert downloads(server) == []
    assert len(fourth.withheld) == 2
    assert fourth.publication is not None
    assert 0 < fourth.publication.n_samples <= n_samples
    assert fourth.publication.version == (third.publication or first.publication).version + 1
    registry = open_registry(settings().store)
    files = registry.files(registry.resolve(f"{fourth.publication.name}@latest")) or []
    origins = {file.provenance for file in files if file.name.startswith("img_dir/")}
    assert {(o.uploader, o.entry, o.listing, o.batch, o.address) for o in origins} == {
        ("bob", "w2", "works", "b1", "community:works/w2")
    }
    everything = [path.read_bytes() for path in settings().home.rglob("*") if path.is_file()]
    assert [data for data in everything if b"Signature=s" in data] == []
