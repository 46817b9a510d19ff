from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.common.media.images import Rgb
from tests.sample.running import sample_file
from tests.sample.videos import SIZE_WH, grey, write_video

pytestmark = pytest.mark.service  # encoded videos and their decoder, a child process

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
_ONE = 1 << 16


def corners(size_wh: tuple[int, int] = SIZE_WH) -> Rgb:
    """Red and green above, blue and white below."""
    width, height = size_wh
    cells = np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8)
    return cells.repeat(height // 2, axis=0).repeat(width // 2, axis=1)


def named_corners(rgb: Rgb) -> list[str]:
    """Name the colours at top left, top right, bottom left, bottom right."""
    names: dict[tuple[int, ...], str] = {RED: "red", GREEN: "green", BLUE: "blue", WHITE: "white"}
    height, width = rgb.shape[:2]
    spots = [(y, x) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return [names[tuple(int(code > 127) * 255 for code in rgb[spot])] for spot in spots]


def write_turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a video and put a, b, c, d into the matrix of its track header.

    ISO/IEC 14496-12, 8.3.2: a point (x, y) is shown at (a x + c y, b x + d y), y pointing down.
    """
    write_video(path, [(0.0, corners())])
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * _ONE for value in matrix)
    words = (a, b, 0, c, d, 0, 0, 0, 1 << 30)
    data[at : at + 36] = b"".join(word.to_bytes(4, "big", signed=True) for word in words)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("matrix", "expected", "size_wh"),
    [
        pytest.param((1, 0, 0, 1), ["red", "green", "blue", "white"], (160, 120), id="as stored"),
        pytest.param(
            (0, 1, -1, 0), ["blue", "red", "white", "green"], (120, 160), id="quarter clockwise"
        ),
        pytest.param((-1, 0, 0, -1), ["white", "blue", "green", "red"], (160, 120), id="half"),
        pytest.param(
            (0, -1, 1, 0), ["green", "white", "red", "blue"], (120, 160), id="quarter counter"
        ),
        pytest.param((-1, 0, 0, 1), ["green", "red", "white", "blue"], (160, 120), id="mirrored"),
        pytest.param((1, 0, 0, -1), ["blue", "white", "red", "green"], (160, 120), id="flipped"),
    ],
)
def test_a_turned_video_comes_out_as_a_player_shows_it(
    tmp_path: Path,
    matrix: tuple[int, int, int, int],
    expected: list[str],
    size_wh: tuple[int, int],
) -> None:
    clip = write_turned(tmp_path / "clip.mp4", matrix)
    outcome = sample_file(clip, tmp_path / "w")
    assert named_corners(outcome.pictures[0]) == expected
    assert (outcome.rows[0]["width_px"], outcome.rows[0]["height_px"]) == size_wh


@pytest.mark.parametrize(
    ("aspect", "width_px"),
    [
        pytest.param(Fraction(1), 160, id="square"),
        pytest.param(Fraction(2), 320, id="twice as wide"),
        pytest.param(Fraction(4, 3), 213, id="anamorphic"),
        pytest.param(Fraction(1, 2), 80, id="half as wide"),
    ],
)
def test_pixels_that_are_not_square_change_the_width_only(
    tmp_path: Path, aspect: Fraction, width_px: int
) -> None:
    clip = write_video(tmp_path / "clip.mp4", [(0.0, corners())], sample_aspect_ratio=aspect)
    outcome = sample_file(clip, tmp_path / "w")
    assert outcome.pictures[0].shape == (120, width_px, 3)
    assert named_corners(outcome.pictures[0]) == ["red", "green", "blue", "white"]


def brightness(tmp_path: Path, code: int, **colour: Any) -> float:
    name = "-".join(map(str, [code, *colour.values()]))
    clip = write_video(tmp_path / f"{name}.mp4", [(0.0, grey(code))], **colour)
    return float(sample_file(clip, tmp_path / f"w-{name}").pictures[0].mean())


@pytest.mark.parametrize("code", [0, 64, 128, 255])
def test_ordinary_video_keeps_its_codes(tmp_path: Path, code: int) -> None:
    assert brightness(tmp_path, code) == pytest.approx(code, abs=2)


@pytest.mark.parametrize("curve", [pytest.param(16, id="PQ"), pytest.param(18, id="HLG")])
def test_hdr_keeps_black_and_order_and_comes_out_brighter_than_its_codes(
    tmp_path: Path, curve: int
) -> None:
    pictures = [(float(second), grey(code)) for second, code in enumerate([0, 60, 128])]
    bt2020: dict[str, Any] = {"color_trc": curve, "color_primaries": 9, "colorspace": 9}
    clip = write_video(tmp_path / "clip.mp4", pictures, rate=1, **bt2020)
    black, dark, middle = (
        float(picture.mean()) for picture in sample_file(clip, tmp_path / "w").pictures
    )
    assert black == pytest.approx(0, abs=2)
    assert black < dark < middle
    assert middle > 140


@pytest.mark.parametrize(
    ("orientation", "expected", "size_wh"),
    [
        pytest.param(1, ["red", "green", "blue", "white"], (160, 120), id="upright"),
        pytest.param(2, ["green", "red", "white", "blue"], (160, 120), id="mirrored"),
        pytest.param(3, ["white", "blue", "green", "red"], (160, 120), id="half turn"),
        pytest.param(6, ["blue", "red", "white", "green"], (120, 160), id="quarter clockwise"),
        pytest.param(8, ["green", "white", "red", "blue"], (120, 160), id="quarter counter"),
    ],
)
def test_a_photo_is_turned_as_its_exif_says(
    tmp_path: Path, orientation: int, expected: list[str], size_wh: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(corners()).save(tmp_path / "photo.jpg", exif=exif, quality=95)
    outcome = sample_file(tmp_path / "photo.jpg", tmp_path / "w")
    assert named_corners(outcome.pictures[0]) == expected
    assert (outcome.rows[0]["width_px"], outcome.rows[0]["height_px"]) == size_wh


def see_through(path: Path) -> None:
    pixels = np.dstack([grey(200), np.full((120, 160), 255, np.uint8)])
    Image.fromarray(pixels).save(path)


def palette(path: Path) -> None:
    Image.fromarray(grey(200)).convert("P").save(path)


def sixteen_bit(path: Path) -> None:
    Image.fromarray(np.full((120, 160), 200 * 257, np.uint16)).save(path)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: Image.fromarray(grey(200)).save(path), id="RGB"),
        pytest.param(lambda path: Image.fromarray(grey(200)[:, :, 0]).save(path), id="grey"),
        pytest.param(see_through, id="RGBA"),
        pytest.param(palette, id="palette"),
        pytest.param(sixteen_bit, id="16 bits"),
    ],
)
def test_a_photo_of_any_mode_becomes_rgb_of_the_same_brightness(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    write(tmp_path / "photo.png")
    outcome = sample_file(tmp_path / "photo.png", tmp_path / "w")
    assert outcome.pictures[0].mean() == pytest.approx(200, abs=2)
    assert outcome.rows[0]["time_s"] == 0.0
    assert outcome.result.n_in == 1
