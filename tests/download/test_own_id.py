"""A name is no identity: what has the same bytes or the same place is the same source."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Source
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.download.seen import SeenSources
from tasks.download.sources.own_id import with_own_id
from tasks.download.sources.read import read_sources
from tasks.download.task import download
from tests.download.fetching import png
from tests.download.servers import Server, serving
from tests.tiers import needs

NAME = "DCIM/100GOPRO/GOPR0002.png"


def card(folder: Path, data: bytes) -> Path:
    (folder / NAME).parent.mkdir(parents=True)
    (folder / NAME).write_bytes(data)
    return folder


def listed(where: Path | str) -> list[str]:
    return [source.source_id for source in read_sources(str(where))]


def ingest(where: Path | str) -> list[str]:
    """Fetch what a list gives, as a run does; return the ids."""
    for source in read_sources(str(where)):
        download.fn(source=source, recipe=DownloadRecipe())
    return listed(where)


@pytest.fixture
@needs("service")
def card_a(tmp_path: Path) -> Path:
    """A card that has been ingested."""
    folder = card(tmp_path / "a", png())
    ingest(folder)
    return folder


def test_two_cards_with_the_same_names_are_two_sources(card_a: Path, tmp_path: Path) -> None:
    before = listed(card_a)
    other = card(tmp_path / "b", png((9, 9)))
    ids = ingest(other)
    assert ids != before
    assert (listed(card_a), listed(other)) == (before, ids)


def test_a_moved_folder_and_a_copy_keep_their_ids(card_a: Path, tmp_path: Path) -> None:
    before = listed(card_a)
    shutil.copytree(card_a, tmp_path / "copied")
    assert ingest(tmp_path / "copied") == before
    card_a.rename(tmp_path / "moved")
    assert ingest(tmp_path / "moved") == before


def test_an_edited_file_keeps_its_id(card_a: Path) -> None:
    before = listed(card_a)
    (card_a / NAME).write_bytes(png((9, 9)))
    assert ingest(card_a) == before


def test_single_files_of_one_name_are_two_sources(card_a: Path, tmp_path: Path) -> None:
    other = card(tmp_path / "b", png((9, 9)))
    (one,) = ingest(card_a / NAME)
    (two,) = ingest(other / NAME)
    assert one == "GOPR0002"
    assert two.startswith("GOPR0002-")
    assert listed(card_a / NAME) == [one]


@pytest.mark.parametrize("more", ["", "/2/x.png"], ids=["query", "path"])
def test_single_addresses_of_one_name_are_two_sources(loopback: None, more: str) -> None:
    with serving(lambda request: request.serve(png((8 + len(request.path), 9)))) as server:
        one, two = f"{server.url}/x.png?id=1", f"{server.url}{more or '/x.png'}?id=22"
        assert ingest(one) == ["x"]
        assert ingest(two)[0].startswith("x-")
        assert ingest(one) == ["x"]


def test_objects_of_one_name_are_the_same_by_their_etag(loopback: None) -> None:
    with serving(lambda request: request.serve(png())) as server:
        source = Source(source_id="k.png", uri=f"{server.url}/a/k.png", revision="e1")
        download.fn(source=source, recipe=DownloadRecipe())
    seen = SeenSources(Workspace.of(settings()))
    for revision, is_same in (("e1", True), ("e2", False), (None, False)):
        other = Source(source_id="k.png", uri="s3://b/k.png", revision=revision)
        assert (with_own_id(other, seen) == other) == is_same


@pytest.fixture
@needs("service")
def picture_server(loopback: None) -> Iterator[Server]:
    with serving(lambda request: request.serve(png())) as running:
        yield running


@pytest.mark.parametrize("place", ["web", "elsewhere"])
def test_a_copy_in_a_folder_does_not_take_over_a_listed_id(
    picture_server: Server, tmp_path: Path, place: str
) -> None:
    (tmp_path / "gone.png").write_bytes(png())
    uri = f"{picture_server.url}/x.png" if place == "web" else str(tmp_path / "gone.png")
    (tmp_path / "l.csv").write_text(f"source_id,uri\nlisted,{uri}\n")
    ingest(tmp_path / "l.csv")
    (tmp_path / "gone.png").unlink()
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "copy.png").write_bytes(png())
    assert listed(folder) == ["copy.png"]


@pytest.mark.service
def test_a_listed_id_stays_the_lists_also_for_a_file_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(png())
    (tmp_path / "l.csv").write_text("source_id,uri\nlisted,photos/a.png\n")
    ingest(tmp_path / "l.csv")
    (tmp_path / "l.yaml").write_text("sources: [{list: l.csv}, {folder: photos}]")
    (tmp_path / "m.yaml").write_text(
        "sources: [{source_id: listed, uri: photos/a.png}, {folder: photos}]"
    )
    assert listed(tmp_path / "m.yaml") == ["listed", "a.png"]
