"""Crops of different sources that nearly show the same: the better one stays."""

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.common.recipe.bounds import BitBounds
from tasks.common.records import Verdict
from tasks.common.similarity.hash_index import Hashes, HashIndex, Positions
from tasks.common.similarity.picture_hash import as_hashes, find_repeats, nearest_either, quality

Row = dict[str, Any]


class Repeat(NamedTuple):
    """A crop's verdict beside a better one of the subset."""

    verdict: Verdict
    distance: int
    bound: float
    nearest_crop: str
    nearest_source: str


class Candidates:
    """The crops of all sources that were not dropped, in columns: a few hundred bytes a crop."""

    def __init__(self) -> None:
        self.crop_ids: list[str] = []
        self.sources: list[str] = []
        self._hashes: list[Hashes] = []
        self._mirrors: list[Hashes] = []
        self._is_aside: list[bool] = []
        self._cuts: list[float] = []
        self._dullness: list[float] = []

    def add(self, source_id: str, rows: Sequence[Row]) -> None:
        """Take the crops of one source that are kept or for review."""
        kept = [row for row in rows if row["verdict"] != "drop" and row["hash"] is not None]
        for row in kept:
            cut, dullness, crop_id = quality(row)
            self.crop_ids.append(crop_id)
            self._cuts.append(cut)
            self._dullness.append(dullness)
            self._is_aside.append(row["verdict"] == "review")
        self.sources += [source_id] * len(kept)
        self._hashes.append(as_hashes([row["hash"] for row in kept]))
        self._mirrors.append(as_hashes([row["mirror_hash"] for row in kept]))

    def best_first(self) -> Positions:
        """Return the positions in order: kept ones before those for review, then by quality."""
        columns = (self.crop_ids, self._dullness, self._cuts, self._is_aside)
        return np.lexsort([np.array(column) for column in columns])

    def is_aside(self) -> NDArray[np.bool_]:
        """Say of each crop whether it is for review."""
        return np.array(self._is_aside, bool)

    def repeat(self, verdict: Verdict, distance: int, bound: float, other: int) -> Repeat:
        """Tell of a crop that the crop at the position `other` is better."""
        return Repeat(verdict, distance, bound, self.crop_ids[other], self.sources[other])

    def hashes(self) -> tuple[Hashes, Hashes]:
        """Return the hashes and those of the mirror images."""
        return np.concatenate(self._hashes), np.concatenate(self._mirrors)


def find_repeated(candidates: Candidates, limits: BitBounds | None) -> dict[str, Repeat]:
    """Name the crops that lie too near to a better one, by the bounds of near_duplicate.

    Kept crops are compared with each other, best first. Crops for review displace nobody; they are
    then compared with the kept ones of other sources, and dropped where one shows the same.
    """
    if limits is None or limits.kept_from == 0 or len(candidates.crop_ids) == 0:
        return {}
    order = candidates.best_first()
    is_aside = candidates.is_aside()[order]
    kept, aside = order[~is_aside], order[is_aside]
    hashes, mirrors = candidates.hashes()
    found = find_repeats(hashes[kept], mirrors[kept], limits.kept_from, limits.kept_from - 1)
    repeats = {}
    for place in np.nonzero(found.positions >= 0)[0]:
        distance, other = int(found.distances[place]), kept[found.positions[place]]
        is_drop = distance < (limits.min or 0.0)
        bound = limits.min if is_drop else limits.review_min
        if bound is not None and distance < bound:
            verdict: Verdict = "drop" if is_drop else "review"
            repeats[candidates.crop_ids[kept[place]]] = candidates.repeat(
                verdict, distance, bound, other
            )
    final = kept[found.distances >= limits.kept_from]
    return repeats | _repeated_aside(candidates, aside, final, limits.min or 0.0)


def _repeated_aside(
    candidates: Candidates, aside: Positions, kept: Positions, bound: float
) -> dict[str, Repeat]:
    index = HashIndex(max(0, ceil(bound) - 1))
    hashes, mirrors = candidates.hashes()
    index.add(hashes[kept])
    found = nearest_either(index, hashes[aside], mirrors[aside])
    repeats = {}
    for own, position, distance in zip(aside, *found, strict=True):
        if position < 0 or distance >= bound:
            continue
        other = kept[position]
        if candidates.sources[own] != candidates.sources[other]:  # else settled before matting
            repeats[candidates.crop_ids[own]] = candidates.repeat(
                "drop", int(distance), bound, other
            )
    return repeats
