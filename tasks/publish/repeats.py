"""Crops of different sources that nearly show the same: the better one stays."""

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from tasks.common.bounds import Bounds
from tasks.common.hash_index import HashIndex
from tasks.common.likeness import as_hashes, find_repeats
from tasks.common.records import Verdict

Row = dict[str, Any]
Places = np.ndarray[Any, np.dtype[np.int64]]
_CUT_DECIMALS = 2


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
        self._hashes: list[np.ndarray[Any, np.dtype[np.uint64]]] = []
        self._mirrors: list[np.ndarray[Any, np.dtype[np.uint64]]] = []
        self._is_aside: list[bool] = []
        self._cuts: list[float] = []
        self._sharpness: list[float] = []

    def add(self, source_id: str, rows: Sequence[Row]) -> None:
        """Take the crops of one source that are kept or for review."""
        kept = [row for row in rows if row["verdict"] != "drop" and row["hash"] is not None]
        self._is_aside += [row["verdict"] == "review" for row in kept]
        self.crop_ids += [row["crop_id"] for row in kept]
        self.sources += [source_id] * len(kept)
        self._hashes.append(as_hashes([row["hash"] for row in kept]))
        self._mirrors.append(as_hashes([row["mirror_hash"] for row in kept]))
        cuts = (1.0 if row["frame_cut"] is None else row["frame_cut"] for row in kept)
        self._cuts += [round(cut, _CUT_DECIMALS) for cut in cuts]
        self._sharpness += [row["sharpness"] or 0.0 for row in kept]

    def best_first(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the positions in order of quality: kept first, less cut, sharper, by name."""
        columns = (self._sharpness, self._cuts, self._is_aside)
        sharpness, cuts, is_aside = (np.array(column) for column in columns)
        return np.lexsort((np.array(self.crop_ids), -sharpness, cuts, is_aside))

    def is_aside(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Say of each crop whether it is for review."""
        return np.array(self._is_aside, bool)

    def repeat(self, verdict: Verdict, distance: int, bound: float, other: int) -> Repeat:
        """Tell of a crop that the crop at the position `other` is better."""
        return Repeat(verdict, distance, bound, self.crop_ids[other], self.sources[other])

    def hashes(self) -> tuple[np.ndarray[Any, np.dtype[np.uint64]], ...]:
        """Return the hashes and those of the mirror images."""
        return np.concatenate(self._hashes), np.concatenate(self._mirrors)


def find_repeated(candidates: Candidates, limits: Bounds | None) -> dict[str, Repeat]:
    """Name the crops that lie too near to a better one, by the bounds of near_duplicate.

    Kept crops are compared with each other, best first. Crops for review displace nobody; they are
    then compared with the kept ones of other sources, and dropped where one shows the same.
    """
    bounds = [bound for bound in (limits.min, limits.review_min) if bound] if limits else []
    if limits is None or not bounds or len(candidates.crop_ids) == 0:
        return {}
    order = candidates.best_first()
    is_aside = candidates.is_aside()[order]
    kept, aside = order[~is_aside], order[is_aside]
    hashes, mirrors = candidates.hashes()
    nearest_kept = ceil(max(bounds))
    found = find_repeats(hashes[kept], mirrors[kept], nearest_kept, nearest_kept - 1)
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
    final = kept[found.distances >= nearest_kept]
    return repeats | _repeated_aside(candidates, aside, final, limits.min or 0.0)


def _repeated_aside(
    candidates: Candidates, aside: Places, kept: Places, bound: float
) -> dict[str, Repeat]:
    index = HashIndex(max(0, ceil(bound) - 1))
    hashes, mirrors = candidates.hashes()
    index.add(hashes[kept])
    plain, mirrored = index.nearest(hashes[aside]), index.nearest(mirrors[aside])
    closer = mirrored.distances < plain.distances
    positions = np.where(closer, mirrored.positions, plain.positions)
    distances = np.minimum(plain.distances, mirrored.distances)
    repeats = {}
    for own, position, distance in zip(aside, positions, distances, strict=True):
        if position < 0 or distance >= bound:
            continue
        other = kept[position]
        if candidates.sources[own] != candidates.sources[other]:  # else settled before matting
            repeats[candidates.crop_ids[own]] = candidates.repeat(
                "drop", int(distance), bound, other
            )
    return repeats
