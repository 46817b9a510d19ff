"""Time and memory of the search for near duplicates among many hashes.

python -m benchmarks.similarity [--millions 10]
"""

import argparse
import resource
import time

import numpy as np

from tasks.common.similarity.hash_index import HashIndex

_BLOCK = 500_000
_N_QUERIES = 4096
_RADIUS = 6


def main() -> None:
    """Fill an index with random hashes, the worst case: none repeats another; then ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=int, default=10)
    n = parser.parse_args().millions * 1_000_000
    before, rng, index = _peak_mb(), np.random.default_rng(0), HashIndex(_RADIUS)
    start = time.process_time()
    for _ in range(0, n, _BLOCK):
        index.add(rng.integers(0, 2**64, _BLOCK, dtype=np.uint64))
    added = time.process_time()
    index.nearest(rng.integers(0, 2**64, _N_QUERIES, dtype=np.uint64))
    asked = time.process_time()
    print(
        f"{n} hashes: {added - start:.1f} CPU-s to add, {_peak_mb() - before:.0f} MB more at peak,"
    )
    print(f"{1000 * (asked - added) / _N_QUERIES:.3f} CPU-ms a query within {_RADIUS} bits")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
