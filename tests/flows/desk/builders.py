"""A small desk over a run that was never run, and a client that is signed in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from flows.desk.app import make_app
from flows.desk.security import Access
from flows.desk.site import Site
from flows.desk.state import Desk
from flows.desk.thumbnails import Thumbnails
from flows.engine.run_record import RunRecord
from tasks.common.files import digest_bytes
from tasks.common.records import Source
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.flows.builders import recipe_of, save_record

PORT = 8760
AUTHOR = "ann"
FRAMES = [
    Crop("a", hash=0, sharpness=0.9),
    Crop("b", hash=1, sharpness=0.8),
    Crop("c", hash=3, sharpness=0.7),
    Crop("d", "review", "trust", "Look.", hash=0xFFFF0000FFFF0000, measures={"trust": 0.6}),
    Crop("e", "drop", "sharpness", "Too blurred.", hash=0x00FF00FF00FF00FF, sharpness=0.1),
    Crop("f", "drop", "frame_cut", "Cut.", has_matte=False, hash=0x0F0F0F0F0F0F0F0F),
]
"""Three crops that look alike, one for review, one dropped, one dropped before matting."""


def media_of(name: str) -> str:
    """Return the sha256 that stands for the bytes of a source."""
    return digest_bytes(name.encode())


def crop_id(source_id: str, name: str) -> str:
    """Return the id of a crop that `run_over` made."""
    return f"{media_of(source_id)}-{name}"


def run_over(
    workspace: Workspace,
    crops: Mapping[str, Sequence[Crop]] | None = None,
    run_id: str = "run-1",
    **facts: Any,
) -> RunRecord:
    """Save a run over sources with these crops."""
    lines: list[tuple[Source, Sequence[Crop]]] = [
        (source(name, uploader=f"{name}'s", scenes=("park",), **facts), own)
        for name, own in (crops or {"street": FRAMES, "cafe": [Crop("a", hash=0xAAAA)]}).items()
    ]
    outcomes = [judged(workspace, line, own, media=media_of(line.source_id)) for line, own in lines]
    return save_record(workspace, *outcomes, recipe=recipe_of(), run_id=run_id)


def desk_over(workspace: Workspace, folder: Path, *runs: str) -> Site:
    """Return the desk of some runs of a workspace."""
    desk = Desk(runs, workspace, (folder / "store").as_uri())
    return Site(desk, Access(PORT), Thumbnails(folder / "thumbnails"), AUTHOR)


def stranger_to(site: Site) -> TestClient:
    """Return a client that has no cookie yet."""
    return TestClient(make_app(site, site.access), base_url=f"http://127.0.0.1:{PORT}")


def client_of(site: Site) -> TestClient:
    """Return a client that opened the printed address."""
    client = stranger_to(site)
    assert client.get("/", params={"token": site.access.token}).status_code == 200
    return client


def decide(client: TestClient, site: Site, action: str, *crops: str, **also: Any) -> Any:
    """Send a decision as the page does; return the answer."""
    query = also.pop("query", "")
    answer = client.post(
        f"/api/decide?{query}",
        json={"action": action, "crops": crops, **also},
        headers={"x-desk-csrf": site.access.csrf},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()
