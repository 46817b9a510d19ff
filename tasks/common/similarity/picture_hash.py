"""Near-duplicates by perceptual hash: of nearly equal pictures the best one is kept."""

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.common.media.images import Rgb
from tasks.common.schema.columns import Measures
from tasks.common.similarity.hash_index import HASH_BITS, Hashes, HashIndex, Nearest

# Pictures compared among themselves at once (n² distances), before the index is searched again.
_BLOCK = 1024
CUT_DECIMALS = 2  # below 1 % of difference in how much is cut, sharpness decides


def hash_picture(rgb: Rgb) -> tuple[str, str]:
    """Return the perceptual hash of a picture and that of its mirror image, 16 hex digits each.

    The DCT hash of the `imagehash` library (phash, 8 x 8 of 32 x 32 coefficients).
    """
    mirrored = np.ascontiguousarray(rgb[:, ::-1])
    # Hashed from mirrored pixels: mirroring changes the sign of every second coefficient and so the
    # median that coefficients are compared with, hence bits cannot simply be flipped.
    plain, mirror = (str(imagehash.phash(Image.fromarray(image))) for image in (rgb, mirrored))
    return plain, mirror


def quality_key(crop_id: str, measures: Measures) -> tuple[float, float, str]:
    """Sort key: the better of two nearly equal crops comes first, the less cut, then the sharper.

    A missing measure counts as the worst value. The id breaks ties, so that the order of the
    sources does not decide which crop is published.
    """
    cut, sharpness = measures["frame_cut"], measures["sharpness"]
    return round(1.0 if cut is None else cut, CUT_DECIMALS), -(sharpness or 0.0), crop_id


def as_hashes(texts: list[str]) -> Hashes:
    """Turn hex digits into uint64 (N,)."""
    return np.array([int(text, 16) for text in texts], np.uint64)


def nearest_kept_before(hashes: Hashes, mirrors: Hashes, min_distance: int, radius: int) -> Nearest:
    """Return for each picture the nearest one that was kept before it; pictures come best first.

    A picture is kept if no kept picture lies closer than `min_distance` bits, mirrored or not.
    Neighbours are reported up to `radius` bits, which must be at least `min_distance - 1`; with a
    wide radius the time grows with the square of the number of pictures.

    Greedy and in order, so that a kept picture stays kept whatever follows. It works in blocks: the
    index answers for all earlier blocks at once, and only pictures of a block among themselves are
    decided one after the other.
    """
    kept = _Kept(radius)
    positions, distances = np.full(len(hashes), -1, np.int64), np.full(len(hashes), 64, np.int64)
    for start in range(0, len(hashes), _BLOCK):
        block = slice(start, start + _BLOCK)
        earlier = kept.nearest(hashes[block], mirrors[block])
        inside = _nearest_in_block(hashes[block], mirrors[block], earlier, min_distance, radius)
        positions[block] = np.where(
            inside.positions < 0, earlier.positions, inside.positions + start
        )
        distances[block] = np.minimum(earlier.distances, inside.distances)
        is_kept = distances[block] < min_distance
        kept.add(hashes[block][~is_kept], start + np.nonzero(~is_kept)[0])
    return Nearest(positions, distances)


def nearest_or_mirrored(index: HashIndex, hashes: Hashes, mirrors: Hashes) -> Nearest:
    """Find the nearest entry of each picture, mirrored or not."""
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
        nearest = nearest_or_mirrored(self._index, hashes, mirrors)
        # The index counts kept pictures only. The extra -1 at the end maps "none" (-1) to itself.
        all_kept = np.concatenate([*self._positions, np.array([-1])])
        return Nearest(all_kept[nearest.positions], nearest.distances)


def _nearest_in_block(
    hashes: Hashes, mirrors: Hashes, before: Nearest, min_distance: int, radius: int
) -> Nearest:
    """Compare each picture of a block with those kept before it in the same block.

    `before` has the nearest kept pictures of earlier blocks. A position is -1 unless a picture of
    this block is nearer than that one.
    """
    n = len(hashes)
    bits = np.minimum(
        np.bitwise_count(hashes[:, None] ^ hashes[None, :]),
        np.bitwise_count(mirrors[:, None] ^ hashes[None, :]),
    )
    positions, distances = np.full(n, -1, np.int64), np.full(n, 64, np.int64)
    is_kept = np.zeros(n, bool)
    for row in range(n):
        candidates = np.where(is_kept[:row], bits[row, :row], HASH_BITS + 1)
        nearest = int(candidates.argmin()) if row else -1
        # Strictly nearer than `before`: of equally near pictures the first one counts.
        if nearest >= 0 and candidates[nearest] <= min(radius, before.distances[row] - 1):
            positions[row], distances[row] = nearest, candidates[nearest]
        is_kept[row] = min(distances[row], before.distances[row]) >= min_distance
    return Nearest(positions, distances)
