"""Whether a better crop that is kept shows nearly the same."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from tasks.common.similarity.hash_index import HASH_BITS
from tasks.common.similarity.picture_hash import as_hashes, find_repeats
from tasks.filter.rule import Rule


class Likeness(NamedTuple):
    """The distance to the nearest better crop in bits and that crop's id.

    64 without one; None for a crop that was not compared because it is out for another reason.
    """

    distance: float | None
    nearest_crop: str | None


def nearest_kept(rows: Sequence[dict[str, Any]], min_distance: int) -> dict[str, Likeness]:
    """Compare crops of one source, best first, with those kept before them.

    A row is one of the measures table. The distance is the number of bits in which perceptual
    hashes differ, be the other picture mirrored or not: recompressed pictures give 0, still scenes
    0 to 2, different scenes 12 and more.
    """
    found = find_repeats(
        as_hashes([row["hash"] for row in rows]),
        as_hashes([row["mirror_hash"] for row in rows]),
        min_distance,
        radius=HASH_BITS,
    )
    return {
        row["crop_id"]: Likeness(
            float(distance), rows[position]["crop_id"] if position >= 0 else None
        )
        for row, position, distance in zip(rows, found.positions, found.distances, strict=True)
    }


RULE = Rule(
    name="near_duplicate",
    serves=("S5",),
    needs_mask=False,
    measure=None,
    say="A better crop differs in {value:.0f} of 64 bits only; the bound is {bound:.0f}.",
)
