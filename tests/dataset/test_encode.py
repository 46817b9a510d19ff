"""What is refused because a training would silently learn nothing from it."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.common.errors import ArtifactError
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.encode import encode_sample, read_sample, require_trainable
from tests.dataset.builders import BOX, judged, person_mask, picture, source
from tests.dataset.crops import Crop
from tests.deduplicate.builders import run_crops

ORIENTATION = 0x0112


def _png(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def _jpeg(orientation: int | None = None, size_wh: tuple[int, int] = (32, 40)) -> bytes:
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    stream = io.BytesIO()
    Image.new("RGB", size_wh).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


MASK = person_mask()
GOOD = _png(Image.fromarray(MASK))


def _palette() -> Image.Image:
    image = Image.fromarray(MASK, "P")
    image.putpalette([0, 0, 0, 0, 192, 96])
    return image


REFUSED = [
    pytest.param(_png(Image.fromarray(MASK * 255)), r"holds \[0, 255\]", id="0 and 255"),
    pytest.param(_png(Image.fromarray(MASK * 2)), r"holds \[0, 2\]", id="0 and 2"),
    pytest.param(_png(Image.fromarray(MASK + 1)), r"holds \[1, 2\]", id="1 and 2"),
    pytest.param(
        _png(Image.fromarray(np.where(MASK == 1, picture("alpha")[..., 0], 0))),
        r"holds \[0, ",
        id="soft alpha",
    ),
    pytest.param(_png(Image.fromarray(MASK * 0)), r"holds \[0\]", id="all background"),
    pytest.param(_png(Image.fromarray(MASK.astype(np.uint16))), "mode I;16", id="16 bit"),
    pytest.param(_png(Image.fromarray(MASK).convert("RGB")), "mode RGB", id="RGB"),
    pytest.param(_png(Image.fromarray(MASK).convert("LA")), "mode LA", id="grey with alpha"),
    pytest.param(_png(_palette()), "mode P", id="palette"),
    pytest.param(_png(Image.fromarray(MASK * 255).convert("1")), "mode 1", id="1 bit"),
    pytest.param(_png(Image.fromarray(MASK.T.copy())), "differ in size", id="turned"),
    pytest.param(_png(Image.fromarray(MASK[1:])), "differ in size", id="a row short"),
]


@pytest.mark.parametrize(("png", "reason"), REFUSED)
def test_an_annotation_that_ruins_a_training_is_refused(png: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        require_trainable(_jpeg(), png)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_image_that_viewers_turn_is_refused(orientation: int) -> None:
    with pytest.raises(ValueError, match="EXIF orientation"):
        require_trainable(_jpeg(orientation), GOOD)


@pytest.mark.parametrize("orientation", [None, 1])
def test_an_upright_pair_is_fine(orientation: int | None) -> None:
    require_trainable(_jpeg(orientation), GOOD)


def test_a_person_that_fills_the_picture_is_fine() -> None:
    require_trainable(_jpeg(), _png(Image.fromarray(np.ones_like(MASK))))


@pytest.mark.parametrize("factor", [0, 2, 255])
def test_a_mask_of_other_codes_cannot_be_encoded(factor: int) -> None:
    with pytest.raises(ValueError, match="expected 0, 1"):
        encode_sample(picture("a"), MASK * np.uint8(factor), 95)


def test_an_encoded_pair_holds_the_mask_as_it_was_and_the_picture_nearly() -> None:
    rgb = np.full((40, 32, 3), (200, 100, 50), np.uint8)
    jpeg, png = encode_sample(rgb, MASK, 95)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), MASK)
    back = np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)
    assert np.abs(back - rgb).max() <= 2


def test_the_same_pixels_give_the_same_bytes() -> None:
    assert encode_sample(picture("a"), MASK, 90) == encode_sample(picture("a"), MASK, 90)


def test_a_sample_is_cut_to_the_tight_box(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    outcome = judged(workspace, source("a"), [Crop("a")])
    (crop,) = run_crops(workspace, outcome).crops
    rgb, mask = read_sample(crop, workspace)
    x0, y0, x1, y1 = BOX
    assert rgb.shape == (y1 - y0, x1 - x0, 3)
    assert np.array_equal(mask, MASK[y0:y1, x0:x1])


@pytest.mark.parametrize("which", ["detect", "matte"])
def test_a_file_that_changed_since_it_was_judged_is_refused(which: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    outcome = judged(workspace, source("a"), [Crop("a")])
    (crop,) = run_crops(workspace, outcome).crops
    (path,) = [*(tmp_path / which).rglob("*.jpg"), *(tmp_path / which).rglob("*.png")]
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(ArtifactError, match="changed since it was judged; run the ingest again"):
        read_sample(crop, workspace)


def test_a_kept_crop_without_a_mask_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    outcome = judged(workspace, source("a"), [Crop("a", has_matte=False)])
    (crop,) = run_crops(workspace, outcome).crops
    with pytest.raises(ArtifactError, match="a-a was kept but has no mask"):
        read_sample(crop, workspace)
