"""What a model of segmentation is told of a crop: the person's box and joints, others' joints."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, Pose
from tasks.matte.segment import Points, Prompt

_JOINTS = 3  # of a person, the surest; more of them added nothing but time
_SURE = 0.5  # confidence from which a joint is told


class Prompts:
    """The prompts of a source's crops, from the boxes and poses of all people of each frame."""

    def __init__(self, crops: Iterable[Crop], poses: Mapping[str, Pose]):
        self._poses = poses
        self._by_frame: defaultdict[str, list[Crop]] = defaultdict(list)
        for crop in crops:
            self._by_frame[crop.frame_id].append(crop)

    def of(self, crop: Crop) -> Prompt:
        """Return the prompt for a crop's person, in px of the crop."""
        others = [one for one in self._by_frame[crop.frame_id] if one.crop_id != crop.crop_id]
        points = [point for other in others for point in self._joints(other, crop.crop_box_xyxy)]
        return Prompt(
            person=crop.person_in_crop,
            points_xy=self._joints(crop, crop.crop_box_xyxy),
            others_xy=tuple(points),
        )

    def _joints(self, crop: Crop, seen_in: Box) -> Points:
        """Return the surest joints of a crop's person that lie in a box of the frame, in its px."""
        # A view out of a sphere is a frame of its own, so joints of two views never meet here.
        pose = self._poses.get(crop.crop_id)
        if pose is None:
            return ()
        dx, dy = crop.crop_box_xyxy.x0 - seen_in.x0, crop.crop_box_xyxy.y0 - seen_in.y0
        surest = sorted(zip(pose.seen, pose.points_xy, strict=True), reverse=True)
        moved = [(x + dx, y + dy) for seen, (x, y) in surest if seen >= _SURE]
        inside = [
            point
            for point in moved
            if 0 <= point[0] < seen_in.width and 0 <= point[1] < seen_in.height
        ]
        return tuple(inside[:_JOINTS])
