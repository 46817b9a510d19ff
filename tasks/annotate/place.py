"""Which crop of a run a correction belongs to, whatever detector or recipe cut the crop out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tasks.common.schema.rows import Crop
from tasks.common.workspace.corrections import Correction

_SAME_TIME_S = 0.001  # times come from the container's own timestamps, so they repeat exactly
# Two detectors' boxes of one person overlap by far more, those of two people side by side by less.
_SAME_PERSON_IOU = 0.5


class Placement(NamedTuple):
    """Corrections by crop id, oldest first, and those whose person no crop of the run shows."""

    by_crop: dict[str, list[Correction]]
    unplaced: list[Correction]


def place_corrections(crops: Sequence[Crop], corrections: Iterable[Correction]) -> Placement:
    """Find for each correction the crop of the same person at the same moment.

    A crop with the picture that was corrected is that person. Otherwise boxes in the frame decide:
    crops of other recipes have other margins, and their detectors other boxes.
    """
    by_crop: dict[str, list[Correction]] = defaultdict(list)
    unplaced = []
    for correction in corrections:
        crop = _crop_of(correction, crops)
        if crop is None:
            unplaced.append(correction)
        else:
            by_crop[crop.crop_id].append(correction)
    return Placement(dict(by_crop), unplaced)


def _crop_of(correction: Correction, crops: Sequence[Crop]) -> Crop | None:
    same_moment = [
        crop
        for crop in crops
        if crop.media_id == correction.media_id
        and abs(crop.time_s - correction.time_s) <= _SAME_TIME_S
    ]
    for crop in same_moment:
        if crop.digest == correction.picture_digest:
            return crop
    rated = [(crop.person_box_xyxy.iou(correction.person), crop) for crop in same_moment]
    # Only where the frame has the same pixels: a mask is moved by whole px, never scaled.
    rated = [
        (iou, crop)
        for iou, crop in rated
        if iou >= _SAME_PERSON_IOU
        and crop.frame_size_wh == correction.frame_size_wh
        and crop.projection == correction.projection == "flat"
    ]
    return max(rated, key=lambda pair: pair[0], default=(0.0, None))[1]
