"""One crop as the rules see it: records at hand, pixels read when first asked for."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tasks.common.images import Mask, Rgb, read_grey, read_rgb
from tasks.common.records import Source

Box = tuple[float, float, float, float]


class Subject:
    """A crop, the person in it, and its mask once there is one. Boxes are x0, y0, x1, y1."""

    def __init__(
        self, root: Path, source: Source, crop: dict[str, Any], matte: dict[str, Any] | None = None
    ):
        self._root = root
        self._matte = matte
        self.crop = crop
        self.source = source
        self.confidence = float(crop["confidence"])
        self.frame_size_wh: tuple[int, int] = tuple(json.loads(crop["frame_size_wh"]))
        self.person_in_frame: Box = tuple(json.loads(crop["person_box_xyxy"]))
        self.crop_in_frame: Box = tuple(json.loads(crop["crop_box_xyxy"]))
        self.others_in_frame: list[Box] = [tuple(box) for box in json.loads(crop["others_xyxy"])]

    @property
    def person_in_crop(self) -> Box:
        """The detector's box in px of the crop."""
        left, top, _, _ = self.crop_in_frame
        x0, y0, x1, y1 = self.person_in_frame
        return x0 - left, y0 - top, x1 - left, y1 - top

    @cached_property
    def rgb(self) -> Rgb:
        """The crop's pixels, uint8 (H, W, 3)."""
        return read_rgb(self._root / self.crop["path"])

    @cached_property
    def mask(self) -> Mask | None:
        """The crop's mask, uint8 (H, W) of 0 and 1; None before matting."""
        return read_grey(self._root / self._matte["mask_path"]) if self._matte else None

    @property
    def tight_in_crop(self) -> tuple[int, int, int, int] | None:
        """What would be published of the crop, in whole px of the crop; None before matting."""
        return tuple(json.loads(self._matte["tight_box_xyxy"])) if self._matte else None

    @property
    def tight_mask(self) -> Mask | None:
        """The part of the mask that would be published; None before matting."""
        if self.mask is None or self.tight_in_crop is None:
            return None
        x0, y0, x1, y1 = self.tight_in_crop
        return self.mask[y0:y1, x0:x1]

    @property
    def person_pixels(self) -> Rgb:
        """The pixels inside the detector's box; at least one."""
        height, width = self.rgb.shape[:2]
        x0, y0, x1, y1 = np.round(self.person_in_crop).astype(int)
        x0, y0 = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
        return self.rgb[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
