"""Whether a better crop that is kept shows nearly the same."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tasks.common.schema.rows import MeasuredCrop
from tasks.common.similarity.hash_index import HASH_BITS, Hashes
from tasks.common.similarity.picture_hash import as_hashes, nearest_kept_before
from tasks.filter.rule import Rule


class NearestCrop(NamedTuple):
    """The distance to the nearest better crop in bits and that crop's id.

    64 without one; None for a crop that was not compared because another rule drops it.
    """

    distance: float | None
    crop_id: str | None


def nearest_kept(crops: Sequence[MeasuredCrop], min_distance: int) -> dict[str, NearestCrop]:
    """Compare crops of one source, best first, with those kept before them.

    The distance is the number of bits in which perceptual hashes differ, be the other picture
    mirrored or not: recompressed pictures give 0, still scenes 0 to 2, different scenes 12 and
    more.
    """
    nearest = nearest_kept_before(
        _as_hashes(crop.hash for crop in crops),
        _as_hashes(crop.mirror_hash for crop in crops),
        min_distance,
        radius=HASH_BITS,
    )
    return {
        crop.crop_id: NearestCrop(
            float(distance), crops[position].crop_id if position >= 0 else None
        )
        for crop, position, distance in zip(
            crops, nearest.positions, nearest.distances, strict=True
        )
    }


def _as_hashes(texts: Iterable[str | None]) -> Hashes:
    # Only the measures after matting lack hashes, and these are joined with those from before.
    return as_hashes([text for text in texts if text is not None])


RULE = Rule(
    name="near_duplicate",
    serves=("S5",),
    needs_mask=False,
    measure=None,
    say="A better crop differs in {value:.0f} of 64 bits only; the bound is {bound:.0f}.",
)
