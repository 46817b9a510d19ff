"""Hashes of real pictures: what stays alike, and what does not."""

from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.common.media.images import Rgb, read_rgb
from tasks.common.similarity.picture_hash import hash_picture
from tests.conftest import package_file

PICTURES = {
    "street": package_file("ultralytics", "ultralytics/assets/bus.jpg"),
    "coaches": package_file("ultralytics", "ultralytics/assets/zidane.jpg"),
    "astronaut": package_file("scikit-image", "skimage/data/astronaut.png"),
    "cat": package_file("scikit-image", "skimage/data/chelsea.png"),
}
each_picture = pytest.mark.parametrize("path", PICTURES.values(), ids=PICTURES.keys())


def _bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _recompressed(rgb: Rgb) -> Rgb:
    stream = BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=60)
    with Image.open(stream) as image:
        return np.asarray(image)


@pytest.mark.parametrize(
    "side_px", [pytest.param(1, id="one pixel"), pytest.param(100, id="many pixels")]
)
def test_a_black_picture_has_no_bit_set(side_px: int) -> None:
    assert hash_picture(np.zeros((side_px, side_px, 3), np.uint8)) == ("0" * 16, "0" * 16)


@each_picture
def test_a_hash_is_16_hex_digits_and_the_same_twice(path: Path) -> None:
    plain, mirrored = hash_picture(read_rgb(path))
    assert (len(bytes.fromhex(plain)), len(bytes.fromhex(mirrored))) == (8, 8)
    assert hash_picture(read_rgb(path)) == (plain, mirrored)


@each_picture
def test_a_mirrored_picture_has_the_two_hashes_swapped(path: Path) -> None:
    rgb = read_rgb(path)
    plain, mirrored = hash_picture(rgb)
    assert hash_picture(rgb[:, ::-1]) == (mirrored, plain)


@each_picture
def test_a_recompressed_picture_stays_near(path: Path) -> None:
    rgb = read_rgb(path)
    assert _bits_apart(hash_picture(_recompressed(rgb))[0], hash_picture(rgb)[0]) <= 6


@each_picture
def test_half_the_size_is_the_same_picture(path: Path) -> None:
    with Image.open(path) as image:
        half = np.asarray(image.convert("RGB").reduce(2))
    assert _bits_apart(hash_picture(half)[0], hash_picture(read_rgb(path))[0]) <= 6


@pytest.mark.parametrize(("one", "other"), list(combinations(PICTURES, 2)))
def test_different_pictures_are_far_apart_also_in_the_mirror(one: str, other: str) -> None:
    sides = hash_picture(read_rgb(PICTURES[one]))
    plain, _ = hash_picture(read_rgb(PICTURES[other]))
    assert min(_bits_apart(side, plain) for side in sides) >= 12
