"""Crops that one answer can serve: near-duplicates of a crop, or one person in one shot."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.common.schema.rows import RunCrop
from tasks.common.similarity.hash_index import Hashes
from tasks.common.similarity.picture_hash import as_hashes, nearest_kept_before, quality_key
from tasks.common.similarity.tracks import find_tracks

ClusterKind = Literal["near", "track"]
# Recompressed pictures differ by 0 bits, still scenes by 0 to 2, different scenes by 12 and more.
NEAR_BITS = 6


class Cluster(NamedTuple):
    """Crops by stem, the best first; `shown` are those of them that a person should see."""

    name: str
    stems: tuple[str, ...]
    shown: tuple[str, ...]


def find_clusters(
    crops: Sequence[RunCrop], by: ClusterKind, n_shown: int = 3, bits: int = NEAR_BITS
) -> list[Cluster]:
    """Return the clusters of crops, the largest first; each crop is in exactly one.

    `near`: a crop joins the best crop that its hash differs from in at most `bits` of 64, mirrored
    or not. All are compared with that one crop, so that a slow pan does not become one cluster.
    `track`: the same person in neighbouring frames of one media. The shown ones are the best one,
    then always the one that differs most from those shown already.
    """
    ordered = sorted(crops, key=lambda crop: quality_key(crop.stem, crop.verdict.measures))
    names = _near(ordered, bits) if by == "near" else find_tracks(crop.crop for crop in ordered)
    members: dict[str, list[RunCrop]] = defaultdict(list)
    for crop in ordered:
        members[names[crop.stem]].append(crop)
    clusters = [
        Cluster(name, tuple(crop.stem for crop in own), _shown(own, n_shown))
        for name, own in members.items()
    ]
    return sorted(clusters, key=lambda cluster: (-len(cluster.stems), cluster.name))


def _near(ordered: Sequence[RunCrop], bits: int) -> dict[str, str]:
    """Return for each crop the stem of the crop that it is near to; its own if there is none."""
    hashed = [crop for crop in ordered if crop.verdict.hash and crop.verdict.mirror_hash]
    hashes = as_hashes([str(crop.verdict.hash) for crop in hashed])
    mirrors = as_hashes([str(crop.verdict.mirror_hash) for crop in hashed])
    nearest = nearest_kept_before(hashes, mirrors, bits + 1, bits)
    leaders = {
        crop.stem: hashed[position].stem if position >= 0 else crop.stem
        for crop, position in zip(hashed, nearest.positions, strict=True)
    }
    return {crop.stem: leaders.get(crop.stem, crop.stem) for crop in ordered}


def _shown(own: Sequence[RunCrop], n_shown: int) -> tuple[str, ...]:
    """Return the best crop, then those that differ most from the ones before (farthest first)."""
    hashes = as_hashes([crop.verdict.hash or "0" for crop in own])
    chosen = [0]
    distances = _bits_to(hashes, 0)
    while len(chosen) < min(n_shown, len(own)):
        distances[chosen] = -1
        chosen.append(int(distances.argmax()))
        distances = np.minimum(distances, _bits_to(hashes, chosen[-1]))
    return tuple(own[position].stem for position in chosen)


def _bits_to(hashes: Hashes, position: int) -> NDArray[np.int16]:
    # Signed: a chosen crop is marked with -1.
    bits: NDArray[np.int16] = np.bitwise_count(hashes ^ hashes[position]).astype(np.int16)
    return bits
