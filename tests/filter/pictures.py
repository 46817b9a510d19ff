"""Real persons out of pictures that come with packages, and what can befall a picture."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tasks.filter.subject import Subject
from tests.conftest import package_file
from tests.filter.builders import Corners, Picture, make_subject

_PHOTOS = {
    "bus": ("ultralytics", "ultralytics/assets/bus.jpg"),
    "bench": ("ultralytics", "ultralytics/assets/zidane.jpg"),
    "portrait": ("scikit-image", "skimage/data/astronaut.png"),
}
# Where they stand, by eye: photo and box in its px.
PEOPLE: dict[str, tuple[str, tuple[int, int, int, int]]] = {
    "light coat": ("bus", (50, 398, 247, 902)),
    "dark coat": ("bus", (225, 405, 345, 860)),
    "shouting": ("bench", (120, 200, 1155, 720)),
    "watching": ("bench", (750, 42, 1138, 720)),
    "astronaut": ("portrait", (20, 12, 362, 512)),
}
_CONTEXT = 0.2


@cache
def photo(name: str) -> Picture:
    """Read one of the pictures, RGB uint8 (H, W, 3)."""
    with Image.open(package_file(*_PHOTOS[name])) as image:
        rgb = np.asarray(image.convert("RGB"))
    rgb.flags.writeable = False
    return rgb


@dataclass(frozen=True)
class Shot:
    """A picture with a person in it; boxes and points in px of that picture."""

    rgb: Picture
    person: Corners

    @property
    def height_px(self) -> float:
        """How tall the person is."""
        return self.person[3] - self.person[1]

    def showing(self, rgb: Picture) -> "Shot":
        """Return the same person in other pixels."""
        return Shot(rgb, self.person)

    def subject(self, root: Path) -> Subject:
        """Return what the rules see of it; the picture is the whole frame."""
        height, width = self.rgb.shape[:2]
        return make_subject(root, rgb=self.rgb, frame_wh=(width, height), person=self.person)


@cache
def shot(name: str) -> Shot:
    """Cut a person out with a margin, as the detector's stage does."""
    source, (x0, y0, x1, y1) = PEOPLE[name]
    rgb, margin = photo(source), round(_CONTEXT * max(x1 - x0, y1 - y0))
    left, top = max(0, x0 - margin), max(0, y0 - margin)
    cut = rgb[top : y1 + margin, left : x1 + margin]
    return Shot(cut, (x0 - left, y0 - top, x1 - left, y1 - top))


def out_of_focus(rgb: Picture, sigma_px: float) -> Picture:
    """Blur alike in all directions."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma_px), np.uint8)


def smeared(rgb: Picture, length_px: float, angle_deg: float) -> Picture:
    """Blur along a line, as a movement during the exposure does."""
    side = round(length_px) | 1
    line = np.zeros((side, side), np.float32)
    line[side // 2] = 1
    turn = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle_deg, 1)
    kernel = cv2.warpAffine(line, turn, (side, side))
    smear = cv2.filter2D(rgb, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smear, np.uint8)


def doubled(rgb: Picture, shift_px: float, weight: float) -> Picture:
    """Lay the picture over itself once more, down to the right, with a weight in 0..1."""
    step = round(shift_px / np.sqrt(2))
    move = np.array([[1, 0, step], [0, 1, step]], np.float32)
    size_wh = (rgb.shape[1], rgb.shape[0])
    copy = cv2.warpAffine(rgb, move, size_wh, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.addWeighted(rgb, 1 - weight, copy, weight, 0), np.uint8)


def scaled(taken: Shot, times: float) -> Shot:
    """Return the same person in fewer px."""
    small = cv2.resize(taken.rgb, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
    x0, y0, x1, y1 = taken.person
    return Shot(np.asarray(small, np.uint8), (x0 * times, y0 * times, x1 * times, y1 * times))
