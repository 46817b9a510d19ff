"""Convert decoded frames to upright RGB pictures with square pixels and SDR colours."""

from collections.abc import Iterable
from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideData
from av.video.reformatter import VideoReformatter

from tasks.common.media.images import Rgb

# ITU-T H.273, table 3: transfer characteristics of HDR video.
_PQ = 16
_HLG = 18
# The H.273 code point of SDR HD video, and ffmpeg's code for full-range RGB.
_BT709 = 1
_FULL_RANGE = 2


class Converter:
    """Converts the frames of one stream to RGB uint8 (H, W, 3) as a player would show them.

    `aspect` is width over height of one pixel. HDR transfer curves (PQ, HLG) are mapped to BT.709:
    read as SDR, their codes would look dark and flat. The reformatter is reused, because building
    its tables costs fifty times more than using them.
    """

    def __init__(self, aspect: Fraction):
        self._aspect = aspect
        self._reformatter = VideoReformatter()

    def to_rgb(self, frame: av.VideoFrame) -> Rgb:
        """Convert one frame: colours first, then the shape of pixels, then rotation."""
        sdr = frame
        if frame.color_trc in (_PQ, _HLG):
            sdr = self._reformatter.reformat(
                frame,
                format="rgb24",
                dst_color_trc=_BT709,
                dst_color_primaries=_BT709,
                dst_colorspace=_BT709,
                dst_color_range=_FULL_RANGE,
            )
        rgb = cast(Rgb, sdr.to_ndarray(format="rgb24"))
        # As `probe` computes the size: rows stay, columns are scaled.
        if self._aspect != 1:
            size_wh = (round(frame.width * self._aspect), frame.height)
            rgb = cast(Rgb, cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA))
        return _upright(rgb, frame)


def _upright(rgb: Rgb, frame: av.VideoFrame) -> Rgb:
    """Turn and mirror by the display matrix (ISO 14496-12, 6.2.2), in quarter turns.

    The matrix (a b; c d) maps the stored pixel (x, y) to the shown (a x + c y, b x + d y).
    """
    side_data = cast("Iterable[SideData]", frame.side_data)  # typed as names, gives the data
    matrix = next((data for data in side_data if "DISPLAYMATRIX" in str(data.type)), None)
    if matrix is None:
        return rgb
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    is_turned = abs(b) > abs(a)
    shown = rgb.transpose(1, 0, 2) if is_turned else rgb
    mirrored, flipped = (c < 0, b < 0) if is_turned else (a < 0, d < 0)
    return np.ascontiguousarray(shown[:: -1 if flipped else 1, :: -1 if mirrored else 1])
