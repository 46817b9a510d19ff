"""Real people in pictures that come with packages, cut out as the detect stage would."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Rgb, read_rgb
from tasks.common.schema.boxes import Box
from tasks.pose.keypoints import PoseEstimate

# COCO's keypoints by body part, and each with its counterpart on the other side.
PARTS = {
    "head": slice(0, 5),
    "shoulders": slice(5, 7),
    "hips": slice(11, 13),
    "knees": slice(13, 15),
    "ankles": slice(15, 17),
}
UPPER_BODY = ("head", "shoulders", "hips")
OTHER_SIDE = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]


class Person(NamedTuple):
    """A crop uint8 (H, W, 3) with the detector's box in px of the crop."""

    rgb: Rgb
    box: Box

    @property
    def height_px(self) -> float:
        return self.box.height

    def mirrored(self) -> "Person":
        width = self.rgb.shape[1]
        x0, y0, x1, y1 = self.box.xyxy
        box = Box(width - x1, y0, width - x0, y1)
        return Person(np.ascontiguousarray(self.rgb[:, ::-1]), box)

    def turned_left(self) -> "Person":
        width = self.rgb.shape[1]
        x0, y0, x1, y1 = self.box.xyxy
        box = Box(y0, width - x1, y1, width - x0)
        return Person(np.ascontiguousarray(np.rot90(self.rgb)), box)

    def cut_below(self, share: float) -> "Person":
        """Cut the picture off at a share of the box's height."""
        bottom = round(self.box.y0 + share * self.height_px)
        return Person(self.rgb[:bottom].copy(), replace(self.box, y1=float(bottom)))


def picture(package: str, member: str) -> Rgb:
    """Read a picture of an installed package, which is not imported."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return read_rgb(Path(spec.origin).parent / member)


def cut_out(rgb: Rgb, box: tuple[int, int, int, int], context: float) -> Person:
    """Cut a person out with a margin over the longer side of the box."""
    x0, y0, x1, y1 = box
    margin = round(context * max(x1 - x0, y1 - y0))
    left, top = max(0, x0 - margin), max(0, y0 - margin)
    crop = rgb[top : y1 + margin, left : x1 + margin].copy()
    return Person(crop, Box.of(map(float, (x0 - left, y0 - top, x1 - left, y1 - top))))


def standing(who: str, context: float = 0.1) -> Person:
    """Return one of the two who stand in the street and face the camera."""
    box = {"fur coat": (50, 400, 245, 905), "dark coat": (225, 405, 345, 860)}[who]
    return cut_out(picture("ultralytics", "assets/bus.jpg"), box, context)


def astronaut() -> Person:
    """Return a portrait down to the hips."""
    return cut_out(picture("skimage", "data/astronaut.png"), (30, 0, 410, 512), 0.0)


def part_seen(pose: PoseEstimate) -> dict[str, float]:
    """Return how surely each part of the body is seen: the mean over its keypoints."""
    return {part: float(pose.seen[points].mean()) for part, points in PARTS.items()}


def heights(pose: PoseEstimate) -> dict[str, float]:
    """Return the mean y of each part of the body, in px of the crop."""
    return {part: float(pose.points_xy[points, 1].mean()) for part, points in PARTS.items()}


def shift_px(points: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Return the longest way between points that belong together."""
    return float(np.linalg.norm(points - others, axis=1).max())
