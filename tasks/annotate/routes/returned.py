"""What a route reads out of a delivery: masks, or why a file is none."""

from typing import NamedTuple

import numpy as np

from tasks.common.media.images import Mask, Rgb


class Returned(NamedTuple):
    """One sample of a delivery as its file has it, before it is compared with the work order.

    `mask` is uint8 (H, W) of 0 and 1, or None where `problem` says why the file cannot be used.
    `picture` is what the file itself shows, where it shows one. `minutes` is the working time that
    the annotation tool measured.
    """

    file: str
    sample: str
    mask: Mask | None
    problem: str = ""
    size_wh: tuple[int, int] | None = None
    picture: Rgb | None = None
    picture_digest: str | None = None
    is_polygon: bool = False
    minutes: float | None = None


MAX_PIXELS = 100_000_000


def require_pixels(size_wh: tuple[int, int]) -> None:
    """Require, before anything of this size is allocated, that a sample may have it.

    Raises:
        ValueError: it is larger than any sample, or no size.
    """
    width, height = size_wh
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise ValueError(f"it is said to have {width} x {height} px, which no sample has")


def refused(file: str, sample: str, problem: str) -> Returned:
    """Return a file that cannot be used, with a sentence that says why and what to do."""
    return Returned(file, sample, None, problem)


class Outgoing(NamedTuple):
    """One sample of a work order: PNG of the picture, its pixels, the machine mask of 0 and 1."""

    sample: str
    png: bytes
    rgb: Rgb
    mask: Mask
    picture_digest: str

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.mask.shape[1], self.mask.shape[0]


def union(masks: list[Mask], size_wh: tuple[int, int]) -> Mask:
    """Return the pixels that any of the masks has; all of them are of this size."""
    total = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    for mask in masks:
        total |= mask
    return total
