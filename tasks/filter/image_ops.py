"""Operations on pictures that several rules share."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Mask

Grey = NDArray[np.float32]


def blurred(grey: Grey, sigma_px: float) -> Grey:
    """Smooth with a Gaussian; channels, if any, one by one."""
    return cast(Grey, cv2.GaussianBlur(grey, (0, 0), sigma_px))


def gradients(grey: Grey) -> tuple[Grey, Grey]:
    """Return the Sobel derivatives across and down, in grey levels a px."""
    # The Sobel kernel's weights add up to 8 for a ramp of one grey level a px.
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    return cast(Grey, across), cast(Grey, down)


def reaching(weight: Grey, side_px: int) -> Grey:
    """Dilate a weight by a square of this side."""
    return cast(Grey, cv2.dilate(weight, np.ones((side_px, side_px), np.uint8)))


def widened(mask: Mask, reach_px: int) -> Mask:
    """Dilate a mask by a disc; beyond the picture its border is repeated."""
    return cast(Mask, cv2.dilate(mask, _disc(reach_px), borderType=cv2.BORDER_REPLICATE))


def narrowed(mask: Mask, reach_px: int) -> Mask:
    """Erode a mask by a disc; it is not eroded at the picture's border."""
    return cast(Mask, cv2.erode(mask, _disc(reach_px), borderType=cv2.BORDER_REPLICATE))


def _disc(reach_px: int) -> NDArray[np.uint8]:
    side = 2 * reach_px + 1
    # A disc, since a square reaches further along its diagonals.
    shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cast(NDArray[np.uint8], shape)
