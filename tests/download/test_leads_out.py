"""Lists and folders of strangers lead to their own files, and to nothing else of this machine."""

from pathlib import Path

import pytest

from tasks.common.errors import SourceError
from tasks.download.fetchers.local import local_path
from tasks.download.fetchers.registry import is_missing
from tasks.download.sources.read import read_listing
from tests.download.fetching import fetch_from, png


@pytest.mark.parametrize(
    "uri",
    [
        "package:pip/../../etc/passwd",
        "package:pip/" + "../" * 12 + "etc/passwd",
        "package:pip/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "package:pip//etc/passwd",
        "package:pip/pip/../../../../pyvenv.cfg",
    ],
)
def test_a_package_address_leads_to_packages_only(tmp_path: Path, uri: str) -> None:
    assert is_missing(uri)
    with pytest.raises(SourceError, match="leads out of the installed packages"):
        fetch_from(uri, tmp_path / "w")


def test_a_file_of_a_package_is_found() -> None:
    assert local_path("package:scikit-image/skimage/data/astronaut.png").is_file()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    (folder / "sub").mkdir(parents=True)
    (folder / "own.png").write_bytes(png())
    (tmp_path / "private.png").write_bytes(png((7, 7)))
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "diary.png").write_bytes(png((8, 8)))
    return folder


def test_links_out_of_a_folder_are_left_out_and_named(folder: Path) -> None:
    (folder / "a.png").symlink_to(folder.parent / "private.png")
    (folder / "sub" / "b.png").symlink_to("../../private.png")
    (folder / "all").symlink_to(folder.parent / "private")
    (folder / "within.png").symlink_to("own.png")
    listing = read_listing(str(folder))
    assert [Path(source.uri).name for source in listing.sources] == ["own.png", "own.png"]
    (sentence,) = listing.skipped
    assert sentence == (
        "2 skipped: links that lead out of the folder; copy the files into it, or list them one by "
        "one: a.png, sub/b.png."
    )


def test_a_sidecar_that_is_a_link_is_not_read(folder: Path) -> None:
    secret = folder.parent / "secret.json"
    secret.write_text('{"uploader": "token of somebody", "url": "https://example.org"}')
    (folder / "own.png.json").symlink_to(secret)
    listing = read_listing(str(folder))
    assert [source.uploader for source in listing.sources] == [None]
    assert "own.png.json" in listing.skipped[0]


def test_a_list_may_name_a_link_one_by_one(folder: Path) -> None:
    (folder / "a.png").symlink_to(folder.parent / "private.png")
    (folder / "list.csv").write_text("source_id,uri\na,a.png\n")
    (source,) = read_listing(str(folder / "list.csv")).sources
    assert source.uri.endswith("a.png")
