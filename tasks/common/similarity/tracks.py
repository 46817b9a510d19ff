"""The same person in neighbouring sampled frames of one media."""

from collections import defaultdict
from collections.abc import Iterable

from tasks.common.schema.rows import Crop

_MAX_GAP_S = 1.0
_SAME_PERSON_IOU = 0.3  # between frames a person moves; two people rarely overlap as much


def find_tracks(crops: Iterable[Crop]) -> dict[str, str]:
    """Return the name of each crop's track by crop id.

    A crop continues the track whose last box it overlaps most, if that is at most a second old.
    """
    by_media: dict[str, list[Crop]] = defaultdict(list)
    for crop in crops:
        by_media[crop.media_id].append(crop)
    names: dict[str, str] = {}
    for media_id, own in by_media.items():
        last: dict[str, Crop] = {}  # the newest crop of each track
        for crop in sorted(own, key=lambda crop: (crop.time_s, crop.crop_id)):
            name = _continued(crop, last) or f"{media_id[:12]}-t{len(last):03}"
            names[crop.crop_id] = name
            last[name] = crop
    return names


def _continued(crop: Crop, last: dict[str, Crop]) -> str | None:
    rated = [
        (_overlap(crop, before), name)
        for name, before in last.items()
        if 0 < crop.time_s - before.time_s <= _MAX_GAP_S
    ]
    iou, name = max(rated, default=(0.0, None))
    return name if iou >= _SAME_PERSON_IOU else None


def _overlap(crop: Crop, before: Crop) -> float:
    """Return how much two people share their place: IoU of boxes in the frame, 0..1.

    In a 360 sphere each person has a view of their own, so it is that of two equal views side by
    side: how far apart their axes are in the field of view.
    """
    if crop.view is None or before.view is None:
        return crop.person_box_xyxy.iou(before.person_box_xyxy) if crop.view == before.view else 0.0
    apart = crop.view.degrees_to(before.view) / min(crop.view.fov_deg, before.view.fov_deg)
    return max(0.0, 1.0 - apart) / (1.0 + apart)
