"""Which crop of a run a correction belongs to, whatever detector or recipe cut the crop out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tasks.common.schema.placement import CropIndex
from tasks.common.schema.rows import Crop
from tasks.common.workspace.corrections import Correction


class Placement(NamedTuple):
    """Corrections by crop id, oldest first, and those whose person no crop of the run shows."""

    by_crop: dict[str, list[Correction]]
    unplaced: list[Correction]


def place_corrections(crops: Sequence[Crop], corrections: Iterable[Correction]) -> Placement:
    """Find for each correction the crop of the same person at the same moment."""
    index = CropIndex(crops)
    by_crop: dict[str, list[Correction]] = defaultdict(list)
    unplaced = []
    for correction in corrections:
        crop = index.find(correction.media_id, correction)
        if crop is None:
            unplaced.append(correction)
        else:
            by_crop[crop.crop_id].append(correction)
    return Placement(dict(by_crop), unplaced)
