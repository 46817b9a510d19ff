"""Exact search in Hamming distance among millions of 64-bit hashes.

A search must not look at all of them. Two hashes that differ in at most r of 64 bits differ in at
most r // 4 bits of at least one of their four 16-bit chunks (multi-index hashing: Norouzi, Punjani
and Fleet, CVPR 2012), so only hashes with such a chunk are compared in full.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Positions = NDArray[np.int64]
HASH_BITS = 64
_CHUNKS = 4
_CHUNK_BITS = 16
_FAR_CHUNK_BITS = 2  # more flipped bits a chunk than this: looking at everything is quicker
_SMALL = 2048  # so few hashes are looked at one by one
_AT_ONCE = 1 << 22  # pairs of hashes compared at a time, which bounds memory


class Nearest(NamedTuple):
    """For each of N queries the position of the nearest entry, -1 where none is near, and its
    distance in bits, 64 where none is near: int64 (N,) each."""

    positions: NDArray[np.int64]
    distances: NDArray[np.int64]


class Pairs(NamedTuple):
    """Positions of queries and of the entries near them, and their distances in bits: int64 (N,)
    each."""

    queries: Positions
    entries: Positions
    distances: NDArray[np.int64]


class HashIndex:
    """Exact nearest-neighbour search within `radius` bits among hashes that are added in blocks.

    Holds 8 bytes a hash and another 16 for the tables, so ten million take about 240 MB.
    """

    def __init__(self, radius: int):
        self.radius = radius
        self._segments: list[_Segment] = []
        self._size = 0

    def add(self, hashes: Hashes) -> None:
        """Add entries; their positions go on where the last ones ended."""
        if len(hashes) == 0:
            return
        merged = hashes
        while self._segments and len(self._segments[-1].hashes) < 2 * len(merged):
            merged = np.concatenate([self._segments.pop().hashes, merged])
        self._size += len(hashes)
        self._segments.append(_Segment(merged, self._size - len(merged), self.radius))

    def nearest(self, queries: Hashes) -> Nearest:
        """Find the nearest entry of each query; of equally near ones the first."""
        best = np.full(len(queries), _NONE, np.int64)
        for segment in self._segments:
            best = np.minimum(best, segment.search(queries))
        return _unpack(best)

    def within(self, queries: Hashes) -> Pairs:
        """Find every entry within the radius of each query, in order of query, then entry."""
        found = [pairs for segment in self._segments for pairs in segment.near(queries)]
        if not found:
            return Pairs(*np.empty((3, 0), np.int64))
        table = np.stack([np.concatenate(column) for column in zip(*found, strict=True)], axis=1)
        return Pairs(*np.unique(table, axis=0).T)


# A match in one number, so that the smallest is the nearest and among those the first.
_POSITION_BITS = 40
_NONE = (HASH_BITS << _POSITION_BITS) | ((1 << _POSITION_BITS) - 1)


def _unpack(packed: NDArray[np.int64]) -> Nearest:
    positions = np.where(packed == _NONE, -1, packed & ((1 << _POSITION_BITS) - 1))
    return Nearest(positions, packed >> _POSITION_BITS)


class _Segment:
    """A block of hashes, sorted by each chunk unless it is small or the radius is wide."""

    def __init__(self, hashes: Hashes, offset: int, radius: int):
        self.hashes = hashes
        self._offset = offset
        self._radius = radius
        flips = radius // _CHUNKS
        self._is_scanned = len(hashes) <= _SMALL or flips > _FAR_CHUNK_BITS
        if not self._is_scanned:
            self._masks = _masks(flips)
            self._tables = [_sorted_by_chunk(hashes, chunk) for chunk in range(_CHUNKS)]

    def search(self, queries: Hashes) -> NDArray[np.int64]:
        best = np.full(len(queries), _NONE, np.int64)
        if self._is_scanned:
            for start, distances in self._scan(queries):
                first = distances.argmin(axis=1)
                nearest = distances[np.arange(len(distances)), first]
                packed = _pack(nearest.astype(np.int64), first + self._offset)
                is_near = nearest <= self._radius
                best[start : start + len(packed)] = np.where(is_near, packed, _NONE)
            return best
        for pairs in self._probe_all(queries):
            np.minimum.at(best, pairs.queries, _pack(pairs.distances, pairs.entries))
        return best

    def near(self, queries: Hashes) -> Iterator[Pairs]:
        """Yield all pairs within the radius, in pieces; some may come more than once."""
        if not self._is_scanned:
            yield from self._probe_all(queries)
            return
        for start, distances in self._scan(queries):
            rows, entries = np.nonzero(distances <= self._radius)
            apart = distances[rows, entries].astype(np.int64)
            yield Pairs(rows + start, entries + self._offset, apart)

    def _scan(self, queries: Hashes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield distances to all entries, some queries at a time, with the first one's place."""
        rows = max(1, _AT_ONCE // len(self.hashes))
        for start in range(0, len(queries), rows):
            yield start, np.bitwise_count(queries[start : start + rows, None] ^ self.hashes)

    def _probe_all(self, queries: Hashes) -> Iterator[Pairs]:
        for chunk, (order, starts) in enumerate(self._tables):
            keys = _chunk(queries, chunk)
            for mask in self._masks:
                yield from self._probe(queries, keys ^ mask, order, starts)

    def _probe(
        self,
        queries: Hashes,
        keys: NDArray[np.uint16],
        order: NDArray[np.int32],
        starts: NDArray[np.int64],
    ) -> Iterator[Pairs]:
        """Compare each query with the entries whose chunk is its key."""
        first = starts[keys]
        counts = starts[keys.astype(np.int64) + 1] - first
        done = 0
        while done < len(queries):  # in pieces of bounded size; always at least one query
            fitting = int(np.searchsorted(np.cumsum(counts[done:]), _AT_ONCE, side="right"))
            rows = slice(done, done + max(1, fitting))
            done = rows.stop
            owner = np.repeat(np.arange(len(queries))[rows], counts[rows])
            if len(owner) == 0:
                continue
            within = np.arange(len(owner)) - np.repeat(
                np.cumsum(counts[rows]) - counts[rows], counts[rows]
            )
            found = order[np.repeat(first[rows], counts[rows]) + within].astype(np.int64)
            distances = np.bitwise_count(queries[owner] ^ self.hashes[found])
            near = distances <= self._radius
            apart = distances[near].astype(np.int64)
            yield Pairs(owner[near], found[near] + self._offset, apart)


def _pack(distances: NDArray[np.int64], positions: Positions) -> NDArray[np.int64]:
    return (distances << _POSITION_BITS) | positions


def _chunk(hashes: Hashes, chunk: int) -> NDArray[np.uint16]:
    return (hashes >> np.uint64(_CHUNK_BITS * chunk)).astype(np.uint16)


def _masks(flips: int) -> list[np.uint16]:
    places = range(_CHUNK_BITS)
    return [
        np.uint16(sum(1 << place for place in chosen))
        for n in range(flips + 1)
        for chosen in combinations(places, n)
    ]


def _sorted_by_chunk(hashes: Hashes, chunk: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    keys = _chunk(hashes, chunk)
    order = np.argsort(keys, kind="stable").astype(np.int32)
    starts = np.searchsorted(keys[order], np.arange((1 << _CHUNK_BITS) + 1))
    return order, starts
