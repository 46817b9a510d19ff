"""Near-duplicates among many pictures, found once and then decided anew for each set of bounds.

`picture_hash.nearest_kept_before` searches and decides in one pass. While a curator moves a bound,
the pictures stay the same and only their order and number change: the pairs are searched once here,
and a decision is some passes of numpy over the pairs.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tasks.common.similarity.hash_index import HASH_BITS, Hashes, HashIndex

Flags = NDArray[np.bool_]
Ranks = NDArray[np.int64]
Bits = NDArray[np.int64]


@dataclass(frozen=True)
class NearGraph:
    """All ordered pairs of pictures that differ in at most `radius` bits, mirrored or not.

    `distances[k]` is what picture `queries[k]` finds when it looks for `entries[k]`: the mirrored
    hash is the query's, so that the two directions may differ. `is_mirrored` says which of both.
    """

    n: int
    radius: int
    queries: NDArray[np.int64]
    entries: NDArray[np.int64]
    distances: Bits
    is_mirrored: Flags

    @classmethod
    def of(cls, hashes: Hashes, mirrors: Hashes, radius: int) -> "NearGraph":
        """Search all pairs; cost and memory grow with their number."""
        n = len(hashes)
        index = HashIndex(radius)
        index.add(hashes)
        plain, mirrored = index.within(hashes), index.within(mirrors)
        queries = np.concatenate([plain.queries, mirrored.queries])
        entries = np.concatenate([plain.entries, mirrored.entries])
        distances = np.concatenate([plain.distances, mirrored.distances])
        is_mirrored = np.arange(len(queries)) >= len(plain.queries)
        # The smaller of both distances of a pair: sorted by it, the first of equal pairs stays.
        order = np.lexsort([is_mirrored, distances, entries, queries])
        order = order[queries[order] != entries[order]]
        pairs = queries[order] * n + entries[order]
        order = order[np.diff(pairs, prepend=-1) != 0]
        return cls(n, radius, queries, entries, distances, is_mirrored).only(order)

    def only(self, keep: Flags | NDArray[np.int64]) -> "NearGraph":
        """Return the graph with some of its pairs, by flags or by positions."""
        return replace(
            self,
            queries=self.queries[keep],
            entries=self.entries[keep],
            distances=self.distances[keep],
            is_mirrored=self.is_mirrored[keep],
        )

    def nearest_of(self, queries: Flags, entries: Flags, ranks: Ranks) -> tuple[Ranks, Bits]:
        """Return for each picture among `queries` the nearest one among `entries`, and the bits.

        Of equally near ones the one that needs no mirroring, then the first by rank; -1 and 64
        without one. As `nearest_or_mirrored` does.
        """
        pairs = self.only(queries[self.queries] & entries[self.entries])
        order = np.lexsort(
            [ranks[pairs.entries], pairs.is_mirrored, pairs.distances, pairs.queries]
        )
        found, firsts = np.unique(pairs.queries[order], return_index=True)
        nearest, bits = np.full(self.n, -1, np.int64), np.full(self.n, HASH_BITS, np.int64)
        nearest[found] = pairs.entries[order][firsts]
        bits[found] = pairs.distances[order][firsts]
        return nearest, bits

    def nearest_kept(self, ranks: Ranks, min_distance: int) -> Bits:
        """Return for each picture the bits to the nearest one that was kept before it, int64 (n,).

        Pictures come in the order of their ranks; a rank of -1 takes no part. A picture is kept if
        none that was kept before it is nearer than `min_distance`, which is at most `radius` + 1.
        Farther ones, and none at all, count as 64 bits. As `nearest_kept_before` decides.
        """
        nearest = np.full(self.n, HASH_BITS, np.int64)
        is_earlier = (ranks[self.queries] >= 0) & (ranks[self.entries] >= 0)
        is_earlier &= ranks[self.entries] < ranks[self.queries]
        queries, entries = self.queries[is_earlier], self.entries[is_earlier]
        distances = self.distances[is_earlier]
        is_kept = _kept(self.n, queries, entries, distances < min_distance)
        of_kept = is_kept[entries]
        np.minimum.at(nearest, queries[of_kept], distances[of_kept])
        return nearest


def _kept(n: int, queries: NDArray[np.int64], entries: NDArray[np.int64], is_close: Flags) -> Flags:
    """Return which pictures are kept, when each close pair is one of a picture and an earlier one.

    Best first, one after the other, would be a loop over pictures. In rounds: whoever has a kept
    neighbour before it is out, whoever has only those that are out before it is kept. The first
    undecided picture is always decided, so that this ends; a round decides most at once.
    """
    queries, entries = queries[is_close], entries[is_close]
    is_kept, is_out = np.ones(n, bool), np.zeros(n, bool)
    is_kept[queries] = False
    while len(queries):
        is_out[queries[is_kept[entries]]] = True
        # A pair is settled when its first picture is out, or its second one is.
        is_open = ~is_out[queries] & ~is_out[entries]
        waiting = np.zeros(n, bool)
        waiting[queries[is_open]] = True
        freed = queries[~is_open & ~is_out[queries]]
        is_kept[freed[~waiting[freed]]] = True
        queries, entries = queries[is_open], entries[is_open]
    return is_kept
