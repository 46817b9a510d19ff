"""Which pictures are nearly the same: perceptual hashes, best pictures first, no two kept alike."""

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.common.media.images import Rgb
from tasks.common.schema.columns import Measures
from tasks.common.similarity.hash_index import HASH_BITS, Hashes, HashIndex, Nearest

_BLOCK = 1024
_CUT_DECIMALS = 2  # a finer difference in how much is cut says less than the sharpness


def hash_picture(rgb: Rgb) -> tuple[str, str]:
    """Return the perceptual hash of a picture and that of its mirror image, 16 hex digits each.

    The DCT hash of the `imagehash` library (phash, 8 x 8 of 32 x 32 coefficients).
    """
    mirrored = np.ascontiguousarray(rgb[:, ::-1])
    plain, mirror = (str(imagehash.phash(Image.fromarray(side))) for side in (rgb, mirrored))
    return plain, mirror


def quality_key(crop_id: str, measures: Measures) -> tuple[float, float, str]:
    """Sort key by which the better of two nearly equal crops comes first: less cut, sharper.

    Where cut or sharpness could not be measured, the worst counts. The id settles ties, so that the
    order of the sources does not decide which crop is published.
    """
    cut, sharpness = measures["frame_cut"], measures["sharpness"]
    return round(1.0 if cut is None else cut, _CUT_DECIMALS), -(sharpness or 0.0), crop_id


def as_hashes(texts: list[str]) -> Hashes:
    """Turn hex digits into uint64 (N,)."""
    return np.array([int(text, 16) for text in texts], np.uint64)


def nearest_kept_before(hashes: Hashes, mirrors: Hashes, min_distance: int, radius: int) -> Nearest:
    """Go through pictures, best first, and name for each the nearest one that was kept before it.

    A picture is kept when no kept one lies closer than `min_distance` bits, be it mirrored or not.
    Neighbours are told up to `radius` bits, which is at least `min_distance - 1`; a wide radius
    costs time that grows with the square of their number.
    """
    kept = _Kept(radius)
    positions, distances = np.full(len(hashes), -1, np.int64), np.full(len(hashes), 64, np.int64)
    for start in range(0, len(hashes), _BLOCK):
        block = slice(start, start + _BLOCK)
        found = kept.nearest(hashes[block], mirrors[block])
        within = _first_come(hashes[block], mirrors[block], found, min_distance, radius)
        positions[block] = np.where(within.positions < 0, found.positions, within.positions + start)
        distances[block] = np.minimum(found.distances, within.distances)
        is_kept = distances[block] < min_distance
        kept.add(hashes[block][~is_kept], start + np.nonzero(~is_kept)[0])
    return Nearest(positions, distances)


def nearest_or_mirrored(index: HashIndex, hashes: Hashes, mirrors: Hashes) -> Nearest:
    """Find the nearest entry of each picture, be it mirrored or not."""
    plain, mirrored = index.nearest(hashes), index.nearest(mirrors)
    closer = mirrored.distances < plain.distances
    return Nearest(
        np.where(closer, mirrored.positions, plain.positions),
        np.minimum(plain.distances, mirrored.distances),
    )


class _Kept:
    """The kept pictures so far, by their positions among all pictures."""

    def __init__(self, radius: int):
        self._index = HashIndex(radius)
        self._positions: list[NDArray[np.int64]] = []

    def add(self, hashes: Hashes, positions: NDArray[np.int64]) -> None:
        self._index.add(hashes)
        self._positions.append(positions)

    def nearest(self, hashes: Hashes, mirrors: Hashes) -> Nearest:
        found = nearest_or_mirrored(self._index, hashes, mirrors)
        all_kept = np.concatenate([*self._positions, np.array([-1])])  # position -1 stays -1
        return Nearest(all_kept[found.positions], found.distances)


def _first_come(
    hashes: Hashes, mirrors: Hashes, found: Nearest, min_distance: int, radius: int
) -> Nearest:
    """Settle one block among itself: each is compared with those kept before it in the block."""
    n = len(hashes)
    apart = np.minimum(
        np.bitwise_count(hashes[:, None] ^ hashes[None, :]),
        np.bitwise_count(mirrors[:, None] ^ hashes[None, :]),
    )
    positions, distances = np.full(n, -1, np.int64), np.full(n, 64, np.int64)
    is_kept = np.zeros(n, bool)
    for row in range(n):
        earlier = np.where(is_kept[:row], apart[row, :row], HASH_BITS + 1)
        nearest = int(earlier.argmin()) if row else -1
        if nearest >= 0 and earlier[nearest] <= min(radius, found.distances[row] - 1):
            positions[row], distances[row] = nearest, earlier[nearest]
        is_kept[row] = min(distances[row], found.distances[row]) >= min_distance
    return Nearest(positions, distances)
