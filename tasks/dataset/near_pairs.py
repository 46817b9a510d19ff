"""Pairs of pictures of different groups that nearly show the same."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.common.similarity.hash_index import HashIndex, Pairs
from tasks.common.similarity.picture_hash import as_hashes


class Pictured(NamedTuple):
    """A picture's name, what it belongs to, its hash and that of its mirror image (hex digits)."""

    stem: str
    owner: str
    hash: str
    mirror_hash: str


class NearPair(NamedTuple):
    """Two pictures and how many of 64 bits they differ in; nearest first when sorted."""

    bits: int
    one: str
    other: str


def near_pairs(
    pictures: Sequence[Pictured], others: Sequence[Pictured], radius: int
) -> list[NearPair]:
    """Return the pairs, one of each, within `radius` bits, mirrored or not, nearest first.

    Pictures of one owner are not compared.
    """
    index = HashIndex(radius)
    index.add(as_hashes([picture.hash for picture in others]))
    best: dict[tuple[int, int], int] = {}
    for hashes in ("hash", "mirror_hash"):
        found = index.within(as_hashes([getattr(picture, hashes) for picture in pictures]))
        for one, other, bits in _apart(found, pictures, others):
            best[one, other] = min(bits, best.get((one, other), bits))
    pairs = (
        NearPair(bits, pictures[one].stem, others[other].stem)
        for (one, other), bits in best.items()
    )
    return sorted(pairs)


def _apart(
    found: Pairs, pictures: Sequence[Pictured], others: Sequence[Pictured]
) -> list[tuple[int, int, int]]:
    if len(found.queries) == 0:
        return []
    names = {name: number for number, name in enumerate({p.owner for p in [*pictures, *others]})}
    owner = np.array([names[picture.owner] for picture in pictures])
    owner_of_other = np.array([names[picture.owner] for picture in others])
    is_apart = owner[found.queries] != owner_of_other[found.entries]
    columns = (column[is_apart].tolist() for column in found)
    return list(zip(*columns, strict=True))


def near_within(pictures: Sequence[Pictured], radius: int) -> list[NearPair]:
    """Return the pairs among `pictures` of different owners, each pair once, nearest first."""
    best: dict[tuple[str, str], NearPair] = {}
    for pair in near_pairs(pictures, pictures, radius):
        one, other = sorted((pair.one, pair.other))
        best.setdefault((one, other), NearPair(pair.bits, one, other))
    return sorted(best.values())
