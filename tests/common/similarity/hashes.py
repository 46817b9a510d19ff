"""Made-up hashes with many near neighbours, and the plain way to compare them all."""

from collections.abc import Callable

import numpy as np

from tasks.common.similarity.hash_index import Hashes, Nearest, Positions

LOW_CHUNK = np.uint64(0xFFFF)
Pictures = tuple[Hashes, Hashes]  # the hash of each picture and that of its mirror image
Kind = Callable[[np.random.Generator, int], Pictures]


def random_hashes(rng: np.random.Generator, n: int) -> Hashes:
    hashes: Hashes = rng.integers(0, 1 << 64, n, np.uint64)
    return hashes


def flips(rng: np.random.Generator, n: int, most_bits: int) -> Hashes:
    """Return masks of 0 to `most_bits` bits, uint64 (n,)."""
    places = rng.random((n, 64)).argsort(axis=1).astype(np.uint64)
    chosen = np.arange(64) < rng.integers(0, most_bits + 1, (n, 1))
    bits = np.where(chosen, np.uint64(1) << places, np.uint64(0))
    masks: Hashes = np.bitwise_or.reduce(bits, axis=1)
    return masks


def strangers(rng: np.random.Generator, n: int) -> Pictures:
    """Pictures that have nothing to do with each other."""
    return random_hashes(rng, n), random_hashes(rng, n)


def scenes(rng: np.random.Generator, n: int) -> Pictures:
    """Pictures around a third as many scenes, each shot from both sides of the mirror."""
    n_scenes = max(1, n // 3)
    sides = np.stack(strangers(rng, n_scenes))
    scene, side, change = rng.integers(0, n_scenes, n), rng.integers(0, 2, n), flips(rng, n, 12)
    return sides[side, scene] ^ change, sides[1 - side, scene] ^ change


def one_scene(rng: np.random.Generator, n: int) -> Pictures:
    """Pictures that are all near each other."""
    change = flips(rng, n, 12)
    return np.full(n, 7, np.uint64) ^ change, np.full(n, 1 << 63, np.uint64) ^ change


def alike_in_a_chunk(rng: np.random.Generator, n: int) -> Pictures:
    """Pictures whose hashes agree in the lowest 16 bits and nowhere else."""
    return random_hashes(rng, n) & ~LOW_CHUNK, random_hashes(rng, n) & ~LOW_CHUNK


KINDS: tuple[Kind, ...] = (strangers, scenes, one_scene, alike_in_a_chunk)


def nearest_of_all(queries: Hashes, entries: Hashes, radius: int) -> Nearest:
    """Look at every entry for each query; of equally near ones the first counts."""
    positions = np.full(len(queries), -1, np.int64)
    distances = np.full(len(queries), 64, np.int64)
    for row, query in enumerate(queries):
        bits = np.bitwise_count(query ^ entries)
        if bits.min() <= radius:
            positions[row], distances[row] = bits.argmin(), bits.min()
    return Nearest(positions, distances)


def repeats_one_by_one(
    hashes: Hashes, mirrors: Hashes, min_distance: int, radius: int
) -> tuple[list[int], Positions]:
    """Go through pictures one at a time; return who was kept and all distances to kept ones."""
    kept: list[int] = []
    kept_hashes = np.empty_like(hashes)
    distances = np.full(len(hashes), 64, np.int64)
    for row, sides in enumerate(np.stack([hashes, mirrors], axis=1)):
        earlier = kept_hashes[: len(kept)]
        bits = int(np.bitwise_count(sides[:, None] ^ earlier).min(initial=64))
        distances[row] = bits if bits <= radius else 64
        if distances[row] >= min_distance:
            kept_hashes[len(kept)] = sides[0]
            kept.append(row)
    return kept, distances
