"""One crop as rules read it: its rows, and pixels that are read on first use."""

from functools import cached_property
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Alpha, Mask, Rgb, read_grey, read_rgb, to_alpha
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, Matte, Pose
from tasks.common.workspace.artifacts import Workspace

# Of the pose model's mask: it calls the pixel a person with more than even odds.
_IS_PERSON = 0.5
_MAX_ASPECT = 8


class Person(NamedTuple):
    """The person in grey at a canonical height: float32 (H, W) in 0..255, and how much each pixel
    belongs to the person, float32 (H, W) in 0..1."""

    grey: NDArray[np.float32]
    weight: NDArray[np.float32]


class Subject:
    """A crop with its person, the pose and the matte, where they exist."""

    def __init__(
        self, workspace: Workspace, crop: Crop, pose: Pose | None = None, matte: Matte | None = None
    ):
        self._workspace = workspace
        self._pose = pose
        self._matte = matte
        self.crop = crop

    @property
    def person_in_crop(self) -> Box:
        """The detector's box in px of the crop."""
        return self.crop.person_in_crop

    @property
    def person_height_px(self) -> float:
        """The height of the detector's box in px of the original frame."""
        return self.crop.person_box_xyxy.height

    @cached_property
    def rgb(self) -> Rgb:
        """The crop's pixels, uint8 (H, W, 3)."""
        return read_rgb(self._workspace.path(self.crop.path))

    @cached_property
    def points_xy(self) -> NDArray[np.float32] | None:
        """COCO's 17 keypoints in px of the crop, (17, 2); None without a pose model."""
        return np.array(self._pose.points_xy, np.float32) if self._pose else None

    @cached_property
    def seen(self) -> NDArray[np.float32] | None:
        """Confidence that each keypoint is visible, (17,), 0..1; None without a pose model."""
        return np.array(self._pose.seen, np.float32) if self._pose else None

    @cached_property
    def pose_mask(self) -> Alpha | None:
        """The pose model's person mask, (H, W) of the crop in 0..1; None if it has no mask."""
        if self._pose is None or self._pose.mask_path is None:
            return None
        small = to_alpha(read_grey(self._workspace.path(self._pose.mask_path)))
        height, width = self.rgb.shape[:2]
        return cast(Alpha, cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))

    @cached_property
    def alpha(self) -> Alpha | None:
        """The alpha behind the mask, (H, W) of the crop in 0..1; None before matting.

        The matting network's own output, or what the recipe's opinions were fused to.
        """
        return self._read_alpha(self._matte.alpha_path) if self._matte else None

    @cached_property
    def second_alpha(self) -> Alpha | None:
        """The output of a second matting model; None where the recipe names none."""
        if self._matte is None or self._matte.second_path is None:
            return None
        return self._read_alpha(self._matte.second_path)

    def _read_alpha(self, path: str) -> Alpha:
        return to_alpha(read_grey(self._workspace.path(path)))

    @cached_property
    def mask(self) -> Mask | None:
        """The crop's mask, uint8 (H, W) of 0 and 1; None before matting."""
        return read_grey(self._workspace.path(self._matte.mask_path)) if self._matte else None

    @property
    def foreign_share(self) -> float:
        """Of what was marked in the published part, the share that left the mask, 0..1."""
        return self._matte.foreign_share if self._matte else 0.0

    @property
    def tight_in_crop(self) -> Box | None:
        """The part of the crop that would be published, in whole px; None before matting."""
        return self._matte.tight_box_xyxy if self._matte else None

    @property
    def tight_mask(self) -> Mask | None:
        """The part of the mask that would be published; None before matting."""
        if self.mask is None or self.tight_in_crop is None:
            return None
        return self.mask[self.tight_in_crop.slices]

    @cached_property
    def person_weight(self) -> Alpha:
        """How much each pixel of the crop belongs to the person before there is a mask, in 0..1.

        The pose model's mask where it shows a person inside the box, else the ellipse in the box.
        """
        height, width = self.rgb.shape[:2]
        x0, y0, x1, y1 = self.person_in_crop.xyxy
        if self.pose_mask is not None:
            box = np.zeros((height, width), np.float32)
            box[max(0, round(y0)) : round(y1), max(0, round(x0)) : round(x1)] = 1.0
            inside = self.pose_mask * box
            if inside.max() >= _IS_PERSON:
                return cast(Alpha, inside)
        # Half a px: coordinates of boxes count from the corner of a pixel, not from its centre.
        ys, xs = np.mgrid[:height, :width].astype(np.float32) + 0.5
        # At least half a px, so that a box without an extent divides by something.
        across = (xs - (x0 + x1) / 2) / max((x1 - x0) / 2, 0.5)
        down = (ys - (y0 + y1) / 2) / max((y1 - y0) / 2, 0.5)
        return cast(Alpha, (across**2 + down**2 <= 1.0).astype(np.float32))

    def person_at(self, height_px: int, surroundings: float = 0.0) -> Person:
        """Scale the detector's box to a height, so that resolution and distance cancel out.

        `surroundings` is kept on every side, as a share of the box's height.
        """
        person = self.person_in_crop
        region = person.pad(surroundings * person.height)
        rows = _whole_span(region.y0, region.y1, self.rgb.shape[0])
        columns = _whole_span(region.x0, region.x1, self.rgb.shape[1])
        # Luma (BT.601) of the stored sRGB values.
        grey = cv2.cvtColor(self.rgb[rows, columns], cv2.COLOR_RGB2GRAY).astype(np.float32)
        scale = height_px / max(person.height, 1.0)
        longest = _MAX_ASPECT * height_px  # a very flat box would be scaled to a huge picture
        width_px = min(max(3, round(grey.shape[1] * scale)), longest)
        size_wh = (width_px, min(max(3, round(grey.shape[0] * scale)), longest))
        # AREA averages, so shrinking does not alias; it would give blocks when enlarging.
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        weight = self.person_weight[rows, columns]
        return Person(
            cast(Alpha, cv2.resize(grey, size_wh, interpolation=interpolation)),
            cast(Alpha, cv2.resize(weight, size_wh, interpolation=cv2.INTER_AREA)),
        )


def _whole_span(low: float, high: float, size: int) -> slice:
    """Return the span of whole px between two edges, clipped to the picture; at least one px."""
    # At the border the span moves inside rather than becoming empty.
    start = min(max(round(low), 0), size - 1)
    return slice(start, min(max(round(high), start + 1), size))
