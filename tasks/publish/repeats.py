"""Crops of different sources that nearly show the same: the better one stays."""

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from tasks.common.bounds import Bounds
from tasks.common.likeness import as_hashes, find_repeats
from tasks.common.records import Verdict

Row = dict[str, Any]
_CUT_DECIMALS = 2


class Repeat(NamedTuple):
    """A crop's verdict beside a better one of another source."""

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

    def hashes(self) -> tuple[np.ndarray[Any, np.dtype[np.uint64]], ...]:
        """Return the hashes and those of the mirror images."""
        return np.concatenate(self._hashes), np.concatenate(self._mirrors)


def find_repeated(candidates: Candidates, limits: Bounds | None) -> dict[str, Repeat]:
    """Name the kept crops that lie too near to a better one, by the bounds of near_duplicate.

    Crops for review come last, so that they displace no kept one.
    """
    bounds = [bound for bound in (limits.min, limits.review_min) if bound] if limits else []
    if limits is None or not bounds or len(candidates.crop_ids) == 0:
        return {}
    order = candidates.best_first()
    hashes, mirrors = (column[order] for column in candidates.hashes())
    nearest_kept = ceil(max(bounds))
    found = find_repeats(hashes, mirrors, nearest_kept, nearest_kept - 1)
    repeats = {}
    for place in np.nonzero(found.positions >= 0)[0]:
        distance, own = int(found.distances[place]), order[place]
        other = order[found.positions[place]]
        if candidates.sources[own] == candidates.sources[other]:
            continue  # settled before matting, where the other was not yet for review
        is_drop = distance < (limits.min or 0.0)
        bound = limits.min if is_drop else limits.review_min
        if bound is not None and distance < bound:
            repeats[candidates.crop_ids[own]] = Repeat(
                "drop" if is_drop else "review",
                distance,
                bound,
                candidates.crop_ids[other],
                candidates.sources[other],
            )
    return repeats
