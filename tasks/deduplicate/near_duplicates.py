"""Near-duplicates among the crops of a run: the better crop is kept."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.common.recipe.bounds import BitBounds
from tasks.common.records import Verdict
from tasks.common.schema.rows import JudgedCrop
from tasks.common.similarity.hash_index import Hashes, HashIndex, Positions
from tasks.common.similarity.picture_hash import (
    as_hashes,
    nearest_kept_before,
    nearest_or_mirrored,
    quality_key,
)


class SourceCrop(Protocol):
    """A crop to compare: its source, and its verdict, which has the hashes. A `RunCrop` is one.

    Pixels are not needed: a preview compares thousands of crops without reading a file.
    """

    @property
    def source_id(self) -> str:
        """The source that the crop counts for."""

    @property
    def verdict(self) -> JudgedCrop:
        """The verdict among the crops of that source."""


class NearDuplicate(NamedTuple):
    """The verdict on a crop that is too similar to a better one, and their distance in bits."""

    verdict: Verdict
    distance: int
    bound: float
    better_crop: str
    better_source: str


class _Candidates:
    """The crops to compare, as arrays: position i of each array belongs to `crops[i]`."""

    def __init__(self, crops: Iterable[SourceCrop]) -> None:
        # Dropped crops need no comparison; crops without a hash allow none.
        self.crops = [
            crop for crop in crops if crop.verdict.verdict != "drop" and crop.verdict.hash
        ]
        verdicts = [crop.verdict for crop in self.crops]
        self.hashes: Hashes = as_hashes([str(verdict.hash) for verdict in verdicts])
        self.mirrors: Hashes = as_hashes([str(verdict.mirror_hash) for verdict in verdicts])
        self.is_for_review: NDArray[np.bool_] = np.array(
            [verdict.verdict == "review" for verdict in verdicts], bool
        )

    def near_duplicate(
        self, verdict: Verdict, distance: int, bound: float, better: int
    ) -> NearDuplicate:
        """Describe a near-duplicate of the crop at the position `better`."""
        crop = self.crops[better]
        return NearDuplicate(verdict, distance, bound, crop.verdict.crop_id, crop.source_id)

    def best_first(self) -> Positions:
        """Return the positions, kept crops before those for review, each by quality."""
        # Columns, which numpy sorts without a Python comparison per pair of crops.
        keys = [quality_key(crop.verdict.crop_id, crop.verdict.measures) for crop in self.crops]
        cuts, dullness, crop_ids = (np.array(column) for column in zip(*keys, strict=True))
        # lexsort sorts by its last key first.
        return np.lexsort([crop_ids, dullness, cuts, self.is_for_review])


def find_near_duplicates(
    crops: Sequence[SourceCrop], limits: BitBounds | None
) -> dict[str, NearDuplicate]:
    """Return, by crop id, the crops that are too similar to a better one.

    Kept crops are compared with each other, best first. Crops for review displace no other crop:
    a person may still reject them. They are then compared with the kept crops of other sources,
    and dropped if they are too similar to one. Each id occurs once in `crops`.
    """
    # A bound of 0 bits drops nothing, since no distance lies below it.
    if limits is None or limits.kept_from == 0:
        return {}
    candidates = _Candidates(crops)
    if not candidates.crops:
        return {}
    order = candidates.best_first()
    is_for_review = candidates.is_for_review[order]
    kept, for_review = order[~is_for_review], order[is_for_review]
    # Greedy, best first: a crop is compared with kept crops only, so a chain of gradually changing
    # pictures keeps one crop every few steps instead of the first alone. The radius is the least
    # that decides: a wider search costs time quadratic in the crops.
    nearest = nearest_kept_before(
        candidates.hashes[kept],
        candidates.mirrors[kept],
        limits.kept_from,
        limits.kept_from - 1,
    )
    duplicates: dict[str, NearDuplicate] = {}
    for rank in np.nonzero(nearest.positions >= 0)[0]:
        distance = int(nearest.distances[rank])
        is_drop = distance < (limits.min or 0.0)
        bound = limits.min if is_drop else limits.review_min
        # A bound may be a fraction of a bit, but the search radius is a whole number of bits.
        if bound is not None and distance < bound:
            crop_id = candidates.crops[kept[rank]].verdict.crop_id
            better = int(kept[nearest.positions[rank]])
            verdict: Verdict = "drop" if is_drop else "review"
            duplicates[crop_id] = candidates.near_duplicate(verdict, distance, bound, better)
    # A near-duplicate that goes to review is not kept, so it displaces nothing.
    still_kept = kept[nearest.distances >= limits.kept_from]
    return duplicates | _near_kept(candidates, for_review, still_kept, limits.min or 0.0)


def _near_kept(
    candidates: _Candidates, for_review: Positions, kept: Positions, bound: float
) -> dict[str, NearDuplicate]:
    """Find the crops for review that are too similar to a kept crop of another source."""
    # The largest whole number of bits below the bound: a distance equal to the bound passes.
    index = HashIndex(max(0, ceil(bound) - 1))
    index.add(candidates.hashes[kept])
    nearest = nearest_or_mirrored(
        index, candidates.hashes[for_review], candidates.mirrors[for_review]
    )
    duplicates: dict[str, NearDuplicate] = {}
    for query, position, distance in zip(for_review, *nearest, strict=True):
        if position < 0 or distance >= bound:
            continue
        crop, better = candidates.crops[query], int(kept[position])
        # Crops of one source were compared by its filter, which sent this one to review.
        if crop.source_id != candidates.crops[better].source_id:
            duplicates[crop.verdict.crop_id] = candidates.near_duplicate(
                "drop", int(distance), bound, better
            )
    return duplicates
