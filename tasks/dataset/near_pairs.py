"""Near-duplicate pictures of different groups, in pairs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.common.similarity.hash_index import HashIndex, Pairs
from tasks.common.similarity.picture_hash import as_hashes


class HashedPicture(NamedTuple):
    """A picture's name, what it belongs to, its hash and that of its mirror image (hex digits)."""

    stem: str
    owner: str
    hash: str
    mirror_hash: str


class NearPair(NamedTuple):
    """Two pictures and how many of 64 bits they differ in; nearest first when sorted."""

    bits: int
    stem_a: str
    stem_b: str


def near_pairs(
    pictures: Sequence[HashedPicture], others: Sequence[HashedPicture], radius: int
) -> list[NearPair]:
    """Return the pairs, one of each, within `radius` bits, mirrored or not, nearest first.

    Pictures of one owner are not compared.
    """
    index = HashIndex(radius)
    index.add(as_hashes([picture.hash for picture in others]))
    best: dict[tuple[int, int], int] = {}
    # A mirrored copy counts as well: training flips pictures at random, so a flipped picture in val
    # is known from train. The mirror hash of one of the two pictures is enough.
    for hashes in ("hash", "mirror_hash"):
        within = index.within(as_hashes([getattr(picture, hashes) for picture in pictures]))
        for a, b, bits in _of_different_owners(within, pictures, others):
            best[a, b] = min(bits, best.get((a, b), bits))
    return sorted(NearPair(bits, pictures[a].stem, others[b].stem) for (a, b), bits in best.items())


def _of_different_owners(
    pairs: Pairs, pictures: Sequence[HashedPicture], others: Sequence[HashedPicture]
) -> list[tuple[int, int, int]]:
    if len(pairs.queries) == 0:
        return []
    # Owners as integers: arrays are compared without a Python loop over all pairs.
    names = {name: number for number, name in enumerate({p.owner for p in [*pictures, *others]})}
    owner = np.array([names[picture.owner] for picture in pictures])
    owner_of_other = np.array([names[picture.owner] for picture in others])
    has_two_owners = owner[pairs.queries] != owner_of_other[pairs.entries]
    columns = (column[has_two_owners].tolist() for column in pairs)
    return list(zip(*columns, strict=True))


def near_within(pictures: Sequence[HashedPicture], radius: int) -> list[NearPair]:
    """Return the pairs among `pictures` of different owners, each pair once, nearest first."""
    best: dict[tuple[str, str], NearPair] = {}
    for pair in near_pairs(pictures, pictures, radius):
        a, b = sorted((pair.stem_a, pair.stem_b))
        # Each pair comes twice, and nearest first: the first has the fewer bits.
        best.setdefault((a, b), NearPair(pair.bits, a, b))
    return sorted(best.values())
