"""Thumbnails and contact sheets."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.common.html.pictures import jpeg_data_uri
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.review.contact_sheet import contact_sheet, thumbnail
from tests.dataset.builders import BOX, SIZE_WH, judged, source
from tests.dataset.crops import Crop
from tests.deduplicate.builders import run_crops

OUTLINE = (0, 255, 96)
PREFIX = "data:image/jpeg;base64,"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _crops(workspace: Workspace, n: int, *, has_matte: bool = True) -> list[RunCrop]:
    crops = [Crop(f"{number:03d}", has_matte=has_matte) for number in range(n)]
    return list(run_crops(workspace, judged(workspace, source("street"), crops)).crops)


def _decoded(uri: str) -> bytes:
    assert uri.startswith(PREFIX)
    return base64.b64decode(uri.removeprefix(PREFIX))


def _size(jpeg: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(jpeg)).size


@pytest.mark.parametrize("height_px", [18, 36, 150])
def test_a_thumbnail_is_the_published_cut_at_its_height(
    height_px: int, workspace: Workspace
) -> None:
    (crop,) = _crops(workspace, 1)
    wide, high = BOX[2] - BOX[0], BOX[3] - BOX[1]
    small = thumbnail(crop, workspace, height_px)
    assert small.shape == (height_px, round(wide * height_px / high), 3)


def test_the_mask_is_outlined_and_its_inside_left_alone(workspace: Workspace) -> None:
    (crop,) = _crops(workspace, 1)
    small = thumbnail(crop, workspace, BOX[3] - BOX[1])
    is_outline = (small == OUTLINE).all(axis=2)
    rows, columns = np.nonzero(is_outline)
    left, top = 8 - BOX[0], 6 - BOX[1]
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (
        left, top, left + 16 - 1, top + 30 - 1,
    )  # fmt: skip
    assert is_outline.sum() == 2 * (16 + 30) - 4


def test_a_crop_without_a_mask_is_shown_whole_and_without_an_outline(workspace: Workspace) -> None:
    (crop,) = _crops(workspace, 1, has_matte=False)
    small = thumbnail(crop, workspace, SIZE_WH[1])
    assert small.shape == (SIZE_WH[1], SIZE_WH[0], 3)
    assert not (small == OUTLINE).all(axis=2).any()


def test_a_picture_comes_back_from_its_address() -> None:
    rgb = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    back = np.asarray(Image.open(io.BytesIO(_decoded(jpeg_data_uri(rgb)))))
    assert back.shape == rgb.shape
    assert np.abs(back.astype(int) - rgb).max() <= 3


@pytest.mark.parametrize(
    ("n", "rows"), [(0, 1), (1, 1), (3, 1), (4, 2), (7, 3)], ids=lambda value: str(value)
)
def test_a_sheet_has_as_many_rows_as_its_crops_need(
    n: int, rows: int, workspace: Workspace
) -> None:
    # Three crops of 24 px and the gaps of 4 px between them fill a row of 80 px.
    sheet = contact_sheet(
        _crops(workspace, n), workspace, width_px=80, height_px=36, max_bytes=1_000_000
    )
    assert _size(sheet) == (80, rows * 40)


@pytest.mark.parametrize("max_bytes", [20_000, 14_000, 10_000])
def test_a_sheet_stays_under_its_limit(max_bytes: int, workspace: Workspace) -> None:
    crops = _crops(workspace, 32)
    at_best = contact_sheet(crops, workspace, width_px=300, height_px=36, max_bytes=10**9)
    assert len(at_best) > 20_000
    sheet = contact_sheet(crops, workspace, width_px=300, height_px=36, max_bytes=max_bytes)
    assert len(sheet) <= max_bytes


def test_a_limit_that_cannot_be_met_gives_the_smallest_sheet(workspace: Workspace) -> None:
    crops = _crops(workspace, 4)
    sheets = [
        contact_sheet(crops, workspace, width_px=300, height_px=36, max_bytes=limit)
        for limit in (0, 10**9)
    ]
    assert len(sheets[0]) < len(sheets[1])
