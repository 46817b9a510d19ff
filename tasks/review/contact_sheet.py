"""Thumbnails and contact sheets: crops with the outline of their mask."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from tasks.common.errors import ArtifactError
from tasks.common.html.pictures import encode_preview, outlined
from tasks.common.media.images import Mask, Rgb, read_grey, read_rgb
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace

# Grey level of gaps: dark enough that most pictures stand out.
_BACKGROUND = 24
# JPEG qualities to try, best first, until a sheet fits.
_QUALITIES = (80, 70, 60, 50, 40, 30, 20)


def picture(workspace: Workspace, relative: str) -> Rgb:
    """Read a colour picture of the workspace.

    Raises:
        ArtifactError: it is gone or damaged.
    """
    with _explain_errors(relative):
        return read_rgb(workspace.path(relative))


def grey_picture(workspace: Workspace, relative: str) -> Mask:
    """Read a single-channel picture of the workspace.

    Raises:
        ArtifactError: it is gone or damaged.
    """
    with _explain_errors(relative):
        return read_grey(workspace.path(relative))


@contextmanager
def _explain_errors(relative: str) -> Iterator[None]:
    try:
        yield
    # Pillow raises SyntaxError for a PNG with a broken checksum.
    except (OSError, SyntaxError, ValueError) as error:
        raise ArtifactError(
            f"The picture {relative} of the workspace is gone or damaged "
            f"({type(error).__name__}). Run the same ingest again: what is missing is computed."
        ) from error


def thumbnail(crop: RunCrop, workspace: Workspace, height_px: int) -> Rgb:
    """Return a crop at the given height, cut as published and outlined if it has a mask."""
    rgb = picture(workspace, crop.crop.path)
    if crop.matte is None:
        return outlined(rgb, None, height_px)
    # As published, so that people judge what a training would get.
    cut = crop.matte.tight_box_xyxy.slices
    mask: Mask = grey_picture(workspace, crop.matte.mask_path)[cut]
    return outlined(rgb[cut], mask, height_px)


def contact_sheet(
    crops: Sequence[RunCrop], workspace: Workspace, *, width_px: int, height_px: int, max_bytes: int
) -> bytes:
    """Return crops in rows as JPEG, of at most `max_bytes` where that is possible."""
    tiles = [thumbnail(crop, workspace, height_px) for crop in crops]
    sheet = _in_rows(tiles, width_px, height_px)
    for quality in _QUALITIES:
        data = encode_preview(sheet, quality)
        if len(data) <= max_bytes:
            break
    return data


def _in_rows(tiles: Sequence[Rgb], width_px: int, height_px: int) -> Rgb:
    rows: list[list[Rgb]] = [[]]
    used = 0
    for tile in tiles:
        if rows[-1] and used + tile.shape[1] > width_px:
            rows.append([])
            used = 0
        # A tile wider than the sheet is cut: a person lying down, hardly ever.
        rows[-1].append(tile[:, :width_px])
        used += tile.shape[1] + 4
    sheet = np.full((len(rows) * (height_px + 4), width_px, 3), _BACKGROUND, np.uint8)
    for number, row in enumerate(rows):
        x, y = 0, number * (height_px + 4)
        for tile in row:
            cut = tile[:, : width_px - x]
            sheet[y : y + height_px, x : x + cut.shape[1]] = cut
            x += cut.shape[1] + 4
    return sheet
