"""Which crop of a run shows the person whom somebody looked at in another run."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Protocol

from tasks.common.records import Projection
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop

_SAME_TIME_S = 0.001  # times come from the container's own timestamps, so they repeat exactly
# Two detectors' boxes of one person overlap by far more, those of two people side by side by less.
_SAME_PERSON_IOU = 0.5


class Place(Protocol):
    """A person at a moment of a media, as a correction or a decision records it."""

    @property
    def time_s(self) -> float:
        """The moment."""

    @property
    def frame_size_wh(self) -> tuple[int, int]:
        """Width and height of the frame in px."""

    @property
    def projection(self) -> Projection:
        """How the media shows directions."""

    @property
    def person(self) -> Box:
        """The person's box in px of the frame."""

    @property
    def picture_digest(self) -> str:
        """Sha256 of the crop's picture."""


class CropIndex:
    """The crops of a run by media and moment, to find the one that shows a person."""

    def __init__(self, crops: Iterable[Crop]):
        self._by_moment: dict[tuple[str, int], list[Crop]] = defaultdict(list)
        for crop in crops:
            self._by_moment[crop.media_id, _slot(crop.time_s)].append(crop)

    def find(self, media_id: str, place: Place) -> Crop | None:
        """Return the crop of the same person at the same moment, or None.

        A crop with the same picture is that person. Otherwise boxes in the frame decide: crops of
        other recipes have other margins, and their detectors other boxes.
        """
        same_moment = list(self._at(media_id, place.time_s))
        for crop in same_moment:
            if crop.digest == place.picture_digest:
                return crop
        rated = [(crop.person_box_xyxy.iou(place.person), crop) for crop in same_moment]
        # Only where the frame has the same pixels: a mask is moved by whole px, never scaled.
        rated = [
            (iou, crop)
            for iou, crop in rated
            if iou >= _SAME_PERSON_IOU
            and crop.frame_size_wh == place.frame_size_wh
            and crop.projection == place.projection == "flat"
        ]
        return max(rated, key=lambda pair: pair[0], default=(0.0, None))[1]

    def _at(self, media_id: str, time_s: float) -> Iterator[Crop]:
        # Equal times may fall into neighbouring slots.
        for slot in range(_slot(time_s) - 1, _slot(time_s) + 2):
            for crop in self._by_moment.get((media_id, slot), ()):
                if abs(crop.time_s - time_s) <= _SAME_TIME_S:
                    yield crop


def _slot(time_s: float) -> int:
    return int(time_s // _SAME_TIME_S)
