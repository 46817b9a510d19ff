"""Thumbnails for pages, with the outline of their mask, as data URIs."""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import TypeVar, cast

import cv2
import numpy as np
from PIL import Image

from tasks.common.media.images import Mask, Rgb

T = TypeVar("T")
_OUTLINE_RGB = (0, 255, 96)
_GAP_PX = 6
_WHITE = 255


def outlined(rgb: Rgb, mask: Mask | None, height_px: int) -> Rgb:
    """Return a thumbnail of a given height with the outline of its mask.

    At most three times as wide as high: a wider picture is squeezed to keep the page in shape.
    """
    scale = height_px / rgb.shape[0]
    size_wh = (min(max(1, round(rgb.shape[1] * scale)), 3 * height_px), height_px)
    small = cast(Rgb, cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA))
    if mask is None:
        return small
    # Nearest, so that the mask stays 0 and 1.
    small_mask = cv2.resize(mask, size_wh, interpolation=cv2.INTER_NEAREST)
    # Two levels of contours (CCOMP), so that holes in the mask are outlined as well.
    contours, _ = cv2.findContours(small_mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return cast(Rgb, cv2.drawContours(small.copy(), contours, -1, _OUTLINE_RGB, 1))


def side_by_side(pictures: Sequence[Rgb]) -> Rgb:
    """Join pictures of the same height from left to right, with a white gap between them."""
    gap = np.full((pictures[0].shape[0], _GAP_PX, 3), _WHITE, np.uint8)
    parts = [part for picture in pictures for part in (gap, picture)][1:]
    return np.concatenate(parts, axis=1)


def encode_preview(rgb: Rgb, quality: int) -> bytes:
    """Encode a picture for a page as JPEG, smaller than published ones (chroma is subsampled)."""
    stream = BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def jpeg_data_uri(rgb: Rgb, quality: int = 80) -> str:
    """Return a picture as a data URI, so that a page needs no other files."""
    return data_uri(encode_preview(rgb, quality))


def data_uri(jpeg: bytes) -> str:
    """Return JPEG bytes as a data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def evenly(items: list[T], limit: int) -> list[T]:
    """Choose at most `limit` items evenly over the whole list rather than its beginning."""
    if len(items) <= limit:
        return items
    return [items[number * len(items) // limit] for number in range(limit)]
