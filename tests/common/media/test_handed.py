"""What a worker hands over when malformed media speak for it: its word is checked."""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from tasks.common.media.handed import open_handed, take_jpeg
from tasks.common.media.images import read_grey, read_rgb
from tasks.common.media.sandbox import SandboxError

SIZE = (8, 6)


def encoded(kind: str, size: tuple[int, int] = SIZE) -> bytes:
    stream = BytesIO()
    Image.new("RGB", size, (9, 99, 9)).save(stream, kind)
    return stream.getvalue()


def test_a_jpeg_is_taken_and_its_file_removed(tmp_path: Path) -> None:
    (tmp_path / "0.jpg").write_bytes(encoded("JPEG"))
    assert take_jpeg(tmp_path, "0.jpg", SIZE, 9999) == encoded("JPEG")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../secret.txt", "{}/secret.txt", "", ".", "..", "missing.jpg", "a\0b", "sub/0.jpg"]
)
def test_only_a_bare_name_of_the_folder_is_opened(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "handed"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "0.jpg").write_bytes(b"x")
    (tmp_path / "secret.txt").write_text("token")
    with pytest.raises(SandboxError, match="named a file"):
        open_handed(folder, name.format(tmp_path))
    assert (tmp_path / "secret.txt").exists()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda secret, path: path.symlink_to(secret), id="symbolic link"),
        pytest.param(lambda secret, path: os.link(secret, path), id="hard link"),
        pytest.param(lambda _, path: os.mkfifo(path), id="pipe that would block"),
        pytest.param(lambda _, path: path.mkdir(), id="folder"),
    ],
)
def test_what_is_no_plain_file_is_not_read(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    folder, secret = tmp_path / "handed", tmp_path / "secret.txt"
    folder.mkdir()
    secret.write_text("token")
    make(secret, folder / "0.jpg")
    with pytest.raises(SandboxError):
        open_handed(folder, "0.jpg")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(encoded("TIFF"), "no JPEG", id="TIFF"),
        pytest.param(encoded("GIF"), "no JPEG", id="GIF"),
        pytest.param(b"", "no JPEG", id="nothing"),
        pytest.param(encoded("JPEG", (800, 600)), "another size", id="larger than announced"),
        pytest.param(encoded("JPEG") + bytes(9999), "too large", id="too many bytes"),
    ],
)
def test_a_frame_is_a_jpeg_of_the_size_that_was_announced(
    tmp_path: Path, data: bytes, sentence: str
) -> None:
    (tmp_path / "0.jpg").write_bytes(data)
    with pytest.raises(SandboxError, match=sentence):
        take_jpeg(tmp_path, "0.jpg", SIZE, 9999)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "BMP", "WEBP", "PPM"])
def test_pictures_of_a_workspace_are_opened_by_two_parsers_only(tmp_path: Path, kind: str) -> None:
    (tmp_path / "0.jpg").write_bytes(encoded(kind))
    for read in (read_rgb, read_grey):
        with pytest.raises(UnidentifiedImageError):
            read(tmp_path / "0.jpg")
    assert read_rgb(BytesIO(encoded("PNG"))).shape == (6, 8, 3)
    assert np.array_equal(read_rgb(BytesIO(encoded("PNG")))[0, 0], [9, 99, 9])
