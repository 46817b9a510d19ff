"""Exact search by Hamming distance among millions of 64-bit hashes.

Multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012) avoids comparing all pairs: if two
hashes differ in at most r of 64 bits, at least one of their four 16-bit chunks differs in at most
r // 4 bits. So each chunk is looked up with all patterns of that many flipped bits, and only
entries in those buckets are compared in full. Why not faiss: docs/decisions/0006.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Positions = NDArray[np.int64]
HASH_BITS = 64
# Four tables of 65536 buckets: with ten million hashes some 150 entries a bucket.
_CHUNKS = 4
_CHUNK_BITS = 16
# 2 flipped bits of 16 are 137 look-ups a chunk, 3 are 697: then comparing all pairs is faster.
_MAX_FLIPS = 2
_SCAN_SIZE = 2048  # up to so many entries, comparing all pairs is faster than look-ups
_PAIRS_PER_BLOCK = 1 << 22  # pairs compared at a time, which bounds memory


class Nearest(NamedTuple):
    """The nearest entry of each of N queries: int64 (N,) each.

    `positions` is -1 and `distances`, in bits, is 64 where no entry lies within the radius.
    """

    positions: NDArray[np.int64]
    distances: NDArray[np.int64]


class Pairs(NamedTuple):
    """N pairs of a query and an entry in its radius: positions, distances in bits; int64 (N,)."""

    queries: Positions
    entries: Positions
    distances: NDArray[np.int64]


class HashIndex:
    """Exact nearest-neighbour search within `radius` bits among hashes that are added in blocks.

    Takes 8 bytes per hash and another 16 for the tables: ten million hashes take about 240 MB.
    Entries lie in segments, each at least twice as large as the next. So an entry is sorted again
    only O(log n) times as the index grows, and a search visits O(log n) segments.
    """

    def __init__(self, radius: int):
        self.radius = radius
        self._segments: list[_Segment] = []
        self._size = 0

    def add(self, hashes: Hashes) -> None:
        """Add entries; their positions continue those of the entries before them."""
        if len(hashes) == 0:
            return
        merged = hashes
        while self._segments and len(self._segments[-1].hashes) < 2 * len(merged):
            # As in a binary counter (the logarithmic method of Bentley and Saxe, 1980).
            merged = np.concatenate([self._segments.pop().hashes, merged])
        self._size += len(hashes)
        self._segments.append(_Segment(merged, self._size - len(merged), self.radius))

    def nearest(self, queries: Hashes) -> Nearest:
        """Find the nearest entry of each query; of equally near entries the first."""
        best = np.full(len(queries), _NONE, np.int64)
        for segment in self._segments:
            best = np.minimum(best, segment.search(queries))
        return _unpack(best)

    def within(self, queries: Hashes) -> Pairs:
        """Find every entry within the radius of each query, in order of query, then entry."""
        blocks = [pairs for segment in self._segments for pairs in segment.near(queries)]
        if not blocks:
            return Pairs(*np.empty((3, 0), np.int64))
        table = np.stack([np.concatenate(column) for column in zip(*blocks, strict=True)], axis=1)
        # Sorts, and removes the copies of pairs that agree in several chunks.
        return Pairs(*np.unique(table, axis=0).T)


# A match is packed into one int64, distance above position: the minimum is then the nearest entry
# and, among equally near ones, the first. 40 bits hold a trillion positions.
_POSITION_BITS = 40
_NONE = (HASH_BITS << _POSITION_BITS) | ((1 << _POSITION_BITS) - 1)


def _unpack(packed: NDArray[np.int64]) -> Nearest:
    positions = np.where(packed == _NONE, -1, packed & ((1 << _POSITION_BITS) - 1))
    return Nearest(positions, packed >> _POSITION_BITS)


class _Segment:
    """A block of entries with a table per chunk, unless it is small or the radius is wide.

    `offset` is the position of its first entry in the index.
    """

    def __init__(self, hashes: Hashes, offset: int, radius: int):
        self.hashes = hashes
        self._offset = offset
        self._radius = radius
        flips = radius // _CHUNKS
        self._is_scanned = len(hashes) <= _SCAN_SIZE or flips > _MAX_FLIPS
        if not self._is_scanned:
            self._masks = _flip_masks(flips)
            self._tables = [_sorted_by_chunk(hashes, chunk) for chunk in range(_CHUNKS)]

    def search(self, queries: Hashes) -> NDArray[np.int64]:
        """Return the packed nearest match of each query: int64 (N,), `_NONE` without a match."""
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
        """Yield all pairs within the radius in blocks; a pair may come more than once."""
        if not self._is_scanned:
            yield from self._probe_all(queries)
            return
        for start, distances in self._scan(queries):
            rows, entries = np.nonzero(distances <= self._radius)
            bits = distances[rows, entries].astype(np.int64)
            yield Pairs(rows + start, entries + self._offset, bits)

    def _scan(self, queries: Hashes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield the distances from blocks of queries to all entries, with each block's start."""
        rows = max(1, _PAIRS_PER_BLOCK // len(self.hashes))
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
        """Compare each query with the entries whose chunk equals the query's key.

        `order` lists the entries by chunk; those with chunk k are `order[starts[k]:starts[k + 1]]`.
        Each query has a bucket of another size. The buckets are joined into flat arrays of
        candidate pairs, so that numpy compares them without a Python loop over queries.
        """
        first = starts[keys]
        counts = starts[keys.astype(np.int64) + 1] - first  # int64: uint16 would wrap at 65535
        done = 0
        while done < len(queries):  # in blocks of bounded size, each of at least one query
            fitting = int(np.searchsorted(np.cumsum(counts[done:]), _PAIRS_PER_BLOCK, side="right"))
            rows = slice(done, done + max(1, fitting))
            done = rows.stop
            owners = np.repeat(np.arange(len(queries))[rows], counts[rows])
            if len(owners) == 0:
                continue
            # The number of each candidate within its own bucket: 0, 1, 2, 0, 1, …
            numbers = np.arange(len(owners)) - np.repeat(
                np.cumsum(counts[rows]) - counts[rows], counts[rows]
            )
            candidates = order[np.repeat(first[rows], counts[rows]) + numbers].astype(np.int64)
            distances = np.bitwise_count(queries[owners] ^ self.hashes[candidates])
            is_near = distances <= self._radius
            bits = distances[is_near].astype(np.int64)
            yield Pairs(owners[is_near], candidates[is_near] + self._offset, bits)


def _pack(distances: NDArray[np.int64], positions: Positions) -> NDArray[np.int64]:
    return (distances << _POSITION_BITS) | positions


def _chunk(hashes: Hashes, chunk: int) -> NDArray[np.uint16]:
    return (hashes >> np.uint64(_CHUNK_BITS * chunk)).astype(np.uint16)


def _flip_masks(flips: int) -> list[np.uint16]:
    """Return every 16-bit pattern with at most `flips` bits set."""
    return [
        np.uint16(sum(1 << bit for bit in bits))
        for n_bits in range(flips + 1)
        for bits in combinations(range(_CHUNK_BITS), n_bits)
    ]


def _sorted_by_chunk(hashes: Hashes, chunk: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the table of one chunk: entries sorted by it, and where each of its values starts."""
    keys = _chunk(hashes, chunk)
    order = np.argsort(keys, kind="stable").astype(np.int32)
    starts = np.searchsorted(keys[order], np.arange((1 << _CHUNK_BITS) + 1))
    return order, starts
