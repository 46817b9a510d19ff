"""What mmsegmentation would misread without complaint is refused, with the file and the reason."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tasks.dataset.encode import require_trainable
from tasks.dataset.split_files import require_loadable

NAMES = {
    f"{folder}/{side}/{stem}.{suffix}"
    for folder, suffix in (("img_dir", "jpg"), ("ann_dir", "png"))
    for side, stem in (("train", "a"), ("train", "b"), ("val", "c"))
}


def test_good_lists_pass() -> None:
    require_loadable(NAMES, {"split_dir/train.txt": b"a\nb\n", "split_dir/val.txt": b"c\n"})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "it is empty", id="empty"),
        pytest.param(b"a\nb", "its last line does not end", id="no end of line"),
        pytest.param(b"a\n\nb\n", "'' is blank", id="blank line"),
        pytest.param(b"a\na\n", "'a' is blank, padded, or repeated", id="twice"),
        pytest.param(b"a \nb\n", "'a ' is blank, padded", id="padded"),
        pytest.param(b"a\r\nb\r\n", "carriage returns", id="carriage returns"),
        pytest.param(b"\xef\xbb\xbfa\n", "byte order mark", id="byte order mark"),
        pytest.param(b"a\nc\n", "samples of both splits", id="mixed"),
        pytest.param(b"a\nz\n", "samples that do not exist", id="not there"),
        pytest.param(b"a.jpg\n", "samples that do not exist", id="with suffix"),
    ],
)
def test_a_list_that_is_misread_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"^split_dir/x\.txt: .*{reason}"):
        require_loadable(NAMES, {"split_dir/x.txt": data})


def test_a_stem_on_both_sides_is_refused() -> None:
    twin = {"img_dir/val/a.jpg", "ann_dir/val/a.png"}
    with pytest.raises(ValueError, match="the stem a is both in train and in val"):
        require_loadable(NAMES | twin, {})


def test_names_that_differ_in_case_alone_are_refused() -> None:
    with pytest.raises(ValueError, match=r"split_dir/Night.txt and split_dir/night.txt are one"):
        require_loadable({"split_dir/night.txt", "split_dir/Night.txt"}, {})


def encoded(values: np.ndarray, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


JPEG = encoded(np.zeros((4, 6, 3), np.uint8), "JPEG")
PERSON = np.array([[0, 1, 1, 0, 0, 0]] * 4, np.uint8)


def test_a_good_pair_passes() -> None:
    require_trainable(JPEG, encoded(PERSON, "PNG"))


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        pytest.param(PERSON * 255, r"\[0, 255\], expected 0, 1", id="0 and 255"),
        pytest.param(PERSON * 0, "holds", id="nobody"),
        pytest.param(PERSON.astype(np.uint16), "expected L", id="16 bit"),
        pytest.param(np.stack([PERSON] * 3, -1), "mode RGB", id="colours"),
        pytest.param(np.array([[0, 1, 90, 200, 0, 0]] * 4, np.uint8), "holds", id="soft alpha"),
        pytest.param(PERSON[:, :4], "differ in size", id="another size"),
    ],
)
def test_a_pair_that_ruins_a_training_is_refused(mask: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        require_trainable(JPEG, encoded(mask, "PNG"))


def test_a_turned_picture_is_refused() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(np.zeros((4, 6, 3), np.uint8), "JPEG", exif=exif)
    with pytest.raises(ValueError, match="EXIF orientation"):
        require_trainable(turned, encoded(PERSON, "PNG"))


def test_a_picture_cut_short_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    whole = encoded(noise, "JPEG")
    with pytest.raises(ValueError, match="cannot be read whole"):
        require_trainable(whole[: len(whole) // 2], encoded(np.ones((64, 64), np.uint8), "PNG"))
