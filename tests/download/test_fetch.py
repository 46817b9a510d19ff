import hashlib
import os
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Source
from tasks.common.workspace.artifacts import Workspace
from tasks.download.fetch import download_key
from tasks.download.fetchers.registry import fingerprint
from tests.download.fetching import fetch_from, files_below, media_of, png, video
from tests.sample.videos import regular, write_numbered


@pytest.mark.service
def test_a_picture_of_one_pixel_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png((1, 1)))
    row = media_of(fetch_from(tmp_path / "a.png", tmp_path / "w"), tmp_path / "w")
    assert (row["kind"], row["codec"], row["width_px"], row["height_px"]) == ("image", "png", 1, 1)
    assert (row["frame_rate"], row["duration_s"], row["rotation_deg"]) == (None, None, 0)


@pytest.mark.service
def test_a_video_is_described_as_it_is_shown(tmp_path: Path) -> None:
    path = write_numbered(
        tmp_path / "a.mp4", regular(30, 25), rate=25, sample_aspect_ratio=Fraction(2)
    )
    row = media_of(fetch_from(path, tmp_path / "w"), tmp_path / "w")
    assert (row["kind"], row["codec"], row["width_px"], row["height_px"]) == (
        "video",
        "h264",
        320,
        120,
    )
    assert (row["frame_rate"], row["duration_s"]) == ("25", pytest.approx(1.2, abs=1e-3))


@pytest.mark.service
def test_a_video_with_a_title_that_is_not_utf_8_is_taken(tmp_path: Path) -> None:
    data = video(tmp_path).replace(b"VideoHandler", b"VideoH\xe4ndler")
    (tmp_path / "a.mp4").write_bytes(data)
    assert (
        media_of(fetch_from(tmp_path / "a.mp4", tmp_path / "w"), tmp_path / "w")["codec"] == "h264"
    )


@pytest.mark.service
def test_a_photo_is_measured_after_its_exif_turn(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 60)).save(tmp_path / "a.jpg", exif=exif)
    row = media_of(fetch_from(tmp_path / "a.jpg", tmp_path / "w"), tmp_path / "w")
    assert (row["width_px"], row["height_px"]) == (60, 80)


@pytest.mark.service
def test_the_content_decides_what_a_file_is_and_not_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(png())
    row = media_of(fetch_from(tmp_path / "a.mp4", tmp_path / "w"), tmp_path / "w")
    assert (row["kind"], row["codec"]) == ("image", "png")


@pytest.mark.service
def test_a_media_id_is_the_sha256_of_the_bytes_that_lie_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    row = media_of(fetch_from(tmp_path / "a.png", tmp_path / "w"), tmp_path / "w")
    assert row["media_id"] == row["digest"] == hashlib.sha256(png()).hexdigest()
    assert (tmp_path / "w" / row["path"]).read_bytes() == png()
    assert row["size_bytes"] == len(png())


@pytest.mark.service
def test_the_same_bytes_under_two_names_are_one_media_file(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png())
    first, second = (fetch_from(tmp_path / name, tmp_path / "w") for name in ("a.png", "b.png"))
    assert first.key != second.key
    assert first.digest == second.digest
    assert len(files_below(tmp_path / "w" / "download" / "media")) == 1
    assert Workspace(tmp_path / "w").find("download", first.key) == first


@pytest.mark.service
def test_a_member_of_an_installed_package_is_fetched(tmp_path: Path) -> None:
    address = "package:scikit-image/skimage/data/astronaut.png"
    row = media_of(fetch_from(address, tmp_path / "w"), tmp_path / "w")
    assert (row["kind"], row["width_px"], row["height_px"]) == ("image", 512, 512)


@pytest.mark.service
def test_a_file_address_with_escapes_is_fetched(tmp_path: Path) -> None:
    path = tmp_path / "a b ü#1.png"
    path.write_bytes(png())
    assert fetch_from(path.as_uri(), tmp_path / "w").n_kept == 1


@pytest.mark.service
@pytest.mark.parametrize("name", ["a b.png", "a%20b.png", "a#b.png", "a?b.png", "12:30.png"])
def test_a_path_is_taken_as_it_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(png())
    assert fetch_from(tmp_path / name, tmp_path / "w").n_kept == 1


@pytest.mark.parametrize("change", ["bytes", "time", "gone"])
def test_an_edited_file_has_another_fingerprint_and_key(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    source, recipe = Source(source_id="s", uri=str(path)), DownloadRecipe()
    before = (fingerprint(str(path)), download_key(source, recipe))
    assert (fingerprint(str(path)), download_key(source, recipe)) == before
    if change == "bytes":
        state = path.stat()
        path.write_bytes(png() + b"\0")
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    elif change == "time":
        os.utime(path, ns=(1, 1))
    else:
        path.unlink()
    assert fingerprint(str(path)) != before[0]
    assert download_key(source, recipe) != before[1]


@pytest.mark.service
def test_the_source_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    fetch_from(tmp_path / "a.png", tmp_path / "w")
    assert (tmp_path / "a.png").read_bytes() == png()
