"""Of one person in one shot, the samples that differ most: near copies teach nothing more."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.common.schema.rows import RunCrop
from tasks.common.similarity.picture_hash import quality_key
from tasks.common.similarity.tracks import find_tracks
from tasks.dataset.groups import LeftOut

TOO_ALIKE = "too_alike"
_SEEN = 0.5  # a joint that is more likely visible than not
_HASH_BITS = 64


class _Look(NamedTuple):
    """How a person looks: joints in heights of the box (17, 2), NaN where unseen; hash or None."""

    joints: NDArray[np.float64] | None
    hash: int | None


def leave_out_alike(
    crops: Sequence[RunCrop], most: int, published: Collection[str] = ()
) -> list[LeftOut]:
    """Return the crops beyond `most` of each track, the most distinct staying.

    A track is one person in neighbouring frames. Samples that are `published` stay before all
    others, so that a subset which grows keeps what it has; then the one of best quality, then again
    and again the one that is farthest from those chosen (farthest-point sampling, Gonzalez 1985).
    """
    tracks = find_tracks(crop.crop for crop in crops)
    by_track: dict[str, list[RunCrop]] = defaultdict(list)
    for crop in crops:
        by_track[tracks[crop.stem]].append(crop)
    left_out: list[LeftOut] = []
    for own in by_track.values():
        if len(own) > most:
            chosen = _farthest(own, most, published)
            left_out += _sentences(own, chosen, most)
    return left_out


def _farthest(own: Sequence[RunCrop], most: int, published: Collection[str]) -> set[str]:
    ranked = sorted(own, key=lambda crop: quality_key(crop.stem, crop.verdict.measures))
    looks = [_look(crop) for crop in ranked]
    chosen = [n for n, crop in enumerate(ranked) if crop.stem in published] or [0]
    nearest = np.array([min(_distance(look, looks[n]) for n in chosen) for look in looks])
    while len(chosen) < most:
        nearest[chosen] = -1.0
        # The first of equals is that of better quality.
        chosen.append(int(nearest.argmax()))
        added = looks[chosen[-1]]
        nearest = np.minimum(nearest, [_distance(look, added) for look in looks])
    return {ranked[n].stem for n in chosen}


def _look(crop: RunCrop) -> _Look:
    joints = None
    if crop.pose is not None and crop.pose.points_xy:
        box = crop.crop.person_in_crop
        centre = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        joints = (np.array(crop.pose.points_xy) - centre) / max(box.height, 1.0)
        joints[np.array(crop.pose.seen) < _SEEN] = np.nan
    bits = crop.verdict.hash
    return _Look(joints, None if bits is None else int(bits, 16))


def _distance(a: _Look, b: _Look) -> float:
    """Return how far two looks are apart: mean way of the joints that both show, in heights of the
    person, plus the share of differing bits of the picture hashes."""
    apart = 0.0
    if a.joints is not None and b.joints is not None:
        ways = np.hypot(*(a.joints - b.joints).T)
        apart += float(np.nanmean(ways)) if np.isfinite(ways).any() else 0.0
    if a.hash is not None and b.hash is not None:
        apart += (a.hash ^ b.hash).bit_count() / _HASH_BITS
    return apart


def _sentences(own: Iterable[RunCrop], chosen: Collection[str], most: int) -> list[LeftOut]:
    sentence = f"Other samples of this person in this shot differ more; the limit is {most}."
    return [LeftOut(crop.stem, TOO_ALIKE, sentence) for crop in own if crop.stem not in chosen]
