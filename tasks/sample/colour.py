"""Decoded frames become upright RGB pictures with square pixels and ordinary (SDR) colours."""

from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np

from tasks.common.images import Rgb

# ITU-T H.273, table 3: transfer characteristics of HDR video.
_PQ = 16
_HLG = 18
# H.273 code points of ordinary HD video, and ffmpeg's code for full-range RGB.
_BT709 = 1
_FULL_RANGE = 2


def to_rgb(frame: av.VideoFrame, aspect: Fraction) -> Rgb:
    """Convert a frame to RGB uint8 (H, W, 3) as a player would show it.

    `aspect` is width over height of one pixel. HDR transfer curves (PQ, HLG) are mapped to BT.709,
    because their codes taken as they are would look dark and flat.
    """
    if frame.color_trc in (_PQ, _HLG):
        frame = frame.reformat(
            format="rgb24",
            dst_color_trc=_BT709,
            dst_color_primaries=_BT709,
            dst_colorspace=_BT709,
            dst_color_range=_FULL_RANGE,
        )
    rgb = cast(Rgb, frame.to_ndarray(format="rgb24"))
    if aspect != 1:
        size_wh = (round(frame.width * aspect), frame.height)
        rgb = cast(Rgb, cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(np.rot90(rgb, (frame.rotation // 90) % 4))
