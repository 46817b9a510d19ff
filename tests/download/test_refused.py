import random
import struct
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.common.errors import SourceError
from tests.download.fetching import fetch_from, files_below, png, video
from tests.sample.videos import write_sound


def bomb(side_px: int) -> bytes:
    """Return a PNG whose header promises a huge picture; its data are a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.service
@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        pytest.param("a.mp4", b"", "The file is empty", id="empty"),
        pytest.param("a.mp4", b"<!DOCTYPE html><html>404</html>", "holds text", id="web page"),
        pytest.param("a.mp4", b"\n\n  <html><body>x", "holds text", id="page after blank lines"),
        pytest.param("a.mp4", b'{"error": "gone"}', "holds text", id="JSON"),
        pytest.param("a.mp4", b"\xef\xbb\xbf<html><body>x", "holds text", id="page with a BOM"),
        pytest.param(
            "a.txt", b"Hello, this is a letter.\n" * 9, "no known video format", id="plain text"
        ),
        pytest.param("a.mp4", bytes(5000), "cannot be read", id="zeros"),
        pytest.param("a.mp4", random.Random(1).randbytes(5000), "cannot be read", id="noise"),
        pytest.param("a.png", png()[:30], "The picture cannot be read", id="cut picture"),
        pytest.param("a.png", bomb(30_000), "million pixels; the recipe allows 100", id="bomb"),
        pytest.param("VID_1.insv", png(), "export it as a flat", id="camera's own file"),
        pytest.param("VID_1.INSV", png(), "export it as a flat", id="in capitals"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_sentence(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError) as caught:
        fetch_from(tmp_path / name, tmp_path / "w")
    assert said in str(caught.value)
    assert files_below(tmp_path / "w") == []


@pytest.mark.service
def test_a_video_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(video(tmp_path)[:2000])
    with pytest.raises(SourceError, match=r"without a usable index \(moov\)"):
        fetch_from(tmp_path / "cut.mp4", tmp_path / "w")


@pytest.mark.service
def test_a_video_of_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(
        video(tmp_path).replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC")
    )
    with pytest.raises(SourceError, match="codec"):
        fetch_from(tmp_path / "a.mp4", tmp_path / "w")


@pytest.mark.service
@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_file_with_sound_only_is_refused(tmp_path: Path, container: str) -> None:
    path = write_sound(tmp_path / f"sound.{container}")
    with pytest.raises(SourceError, match="no video stream, only sound"):
        fetch_from(path, tmp_path / "w")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        pytest.param("{folder}/gone.mp4", "There is no file {folder}/gone.mp4", id="missing"),
        pytest.param("{folder}", "{folder} is not a file", id="folder"),
        pytest.param("ftp://host/a.mp4", "scheme ftp: is not supported", id="unknown scheme"),
        pytest.param("package:no-such-thing/a.mp4", "pip install no-such-thing", id="no package"),
        pytest.param("package:pillow/gone.png", "There is no file", id="no such member"),
        pytest.param("package:", "package", id="package without a name"),
    ],
)
def test_an_address_without_a_file_is_refused_with_a_sentence(
    tmp_path: Path, address: str, said: str
) -> None:
    with pytest.raises(SourceError) as caught:
        fetch_from(address.format(folder=tmp_path), tmp_path / "w")
    assert said.format(folder=tmp_path) in str(caught.value)


@pytest.mark.service
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        pytest.param({"max_bytes": 500}, "more than 500 bytes", id="bytes"),
        pytest.param({"max_duration_s": 0.9}, "lasts 1 s", id="duration"),
        pytest.param({"max_pixels": 160 * 120 - 1}, "160 x 120", id="pixels"),
    ],
)
def test_a_file_over_a_limit_is_refused_with_the_limit(
    tmp_path: Path, limits: dict[str, float], said: str
) -> None:
    (tmp_path / "a.mp4").write_bytes(video(tmp_path))
    with pytest.raises(SourceError) as caught:
        fetch_from(tmp_path / "a.mp4", tmp_path / "w", **limits)
    assert said in str(caught.value)
    assert f"download.{next(iter(limits))}" in str(caught.value)


@pytest.mark.service
def test_a_file_at_every_limit_is_taken(tmp_path: Path) -> None:
    data = video(tmp_path)
    limits = {"max_bytes": len(data), "max_duration_s": 1.0, "max_pixels": 160 * 120}
    assert fetch_from(tmp_path / "made.mp4", tmp_path / "w", **limits).n_kept == 1


@pytest.mark.service
@pytest.mark.parametrize(
    ("made", "kind", "said"),
    [("a.png", "video", "is a video, but it is a image"), ("a.mp4", "image", "is a image, but")],
    ids=["picture", "video"],
)
def test_a_file_of_another_kind_than_listed_is_refused(
    tmp_path: Path, made: str, kind: str, said: str
) -> None:
    (tmp_path / made).write_bytes(png() if made == "a.png" else video(tmp_path))
    with pytest.raises(SourceError, match=said):
        fetch_from(tmp_path / made, tmp_path / "w", kind=kind)
    assert files_below(tmp_path / "w") == []


def photo(name: str) -> bytes:
    stream, exif = BytesIO(), Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(stream, name, exif=exif)
    return stream.getvalue()


@pytest.mark.service
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]),
    at=st.floats(0, 1, exclude_max=True),
    noise=st.binary(min_size=1, max_size=12),
    length=st.floats(0.1, 1),
)
@example(name="TIFF", at=0.029424702126019, noise=b"\x02", length=1.0)  # a TypeError of Pillow's
def test_a_damaged_picture_is_taken_or_refused_and_never_breaks_the_stage(
    tmp_path: Path, name: str, at: float, noise: bytes, length: float
) -> None:
    data = bytearray(photo(name))
    start = int(at * len(data))
    data[start : start + len(noise)] = noise
    (tmp_path / "a").write_bytes(data[: max(1, int(length * len(data)))])
    with suppress(SourceError):
        assert fetch_from(tmp_path / "a", tmp_path / "w").n_kept == 1


@pytest.mark.service
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), n_bytes=st.integers(1, 300))
def test_a_damaged_video_is_taken_or_refused_and_never_breaks_the_stage(
    tmp_path: Path, seed: int, n_bytes: int
) -> None:
    made = tmp_path / "made.mp4"
    data = bytearray(made.read_bytes() if made.exists() else video(tmp_path))
    chance = random.Random(seed)
    at = chance.randrange(len(data))
    data[at : at + n_bytes] = chance.randbytes(n_bytes)
    (tmp_path / "a.mp4").write_bytes(data)
    with suppress(SourceError):
        assert fetch_from(tmp_path / "a.mp4", tmp_path / "w").n_kept == 1
