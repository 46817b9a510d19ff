"""All pairs of hashes within some bits, as looking at every pair finds them."""

import numpy as np
import pytest

from tasks.common.similarity.hash_index import HashIndex


def brute(queries: np.ndarray, entries: np.ndarray, radius: int) -> list[tuple[int, int, int]]:
    apart = np.bitwise_count(queries[:, None] ^ entries[None, :])
    return [(int(q), int(e), int(apart[q, e])) for q, e in np.argwhere(apart <= radius)]


def near_copies(rng: np.random.Generator, hashes: np.ndarray, flips: int) -> np.ndarray:
    bits = rng.integers(0, 64, (len(hashes), flips)).astype(np.uint64)
    copies: np.ndarray = hashes ^ np.bitwise_xor.reduce(np.uint64(1) << bits, axis=1)
    return copies


@pytest.mark.parametrize("radius", [0, 6, 11])
@pytest.mark.parametrize("n_entries", [0, 1, 300, 5000], ids=lambda n: f"{n} entries")
def test_every_pair_within_the_radius_is_found_once(n_entries: int, radius: int) -> None:
    rng = np.random.default_rng(n_entries + radius)
    entries = rng.integers(0, 1 << 63, n_entries, np.uint64)
    queries = np.concatenate(
        [near_copies(rng, entries[:40], flips) for flips in (0, 3, 6, 8)]
        + [rng.integers(0, 1 << 63, 20, np.uint64)]
    )
    index = HashIndex(radius)
    for block in np.array_split(entries, 3):
        index.add(block)
    found = index.within(queries)
    assert list(zip(*(c.tolist() for c in found), strict=True)) == brute(queries, entries, radius)
