"""Convert decoded frames to upright RGB pictures with square pixels and SDR colours."""

from collections.abc import Iterable
from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideData
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from tasks.common.media.images import Rgb
from tasks.sample.fields import OneField
from tasks.sample.tone import HLG, PQ, WIDE_GAMUTS, to_sdr
from tasks.sample.traits import Traits

_UNTOLD = 2  # H.273, table 4: unspecified
_BT709 = 1
# Above SD every player reads untold colours as BT.709 (ITU-R BT.709 is the HD standard).
_SD_WH = (1024, 576)


class Converter:
    """Converts the frames of one stream to RGB uint8 (H, W, 3) as a player would show them.

    `aspect` is width over height of one pixel. `traits` say what else has to be done: one field of
    interlaced frames, the matrix of HD, and the picture's area. HDR and wide-gamut frames become
    SDR: their codes would look dark and flat. The reformatter is reused, because building its
    tables costs fifty times more than using them.
    """

    def __init__(self, aspect: Fraction | None, traits: Traits):
        self._aspect = aspect or Fraction(1)
        self._traits = traits
        self._fields = OneField()
        self._reformatter = VideoReformatter()

    def to_rgb(self, frame: av.VideoFrame) -> Rgb:
        """Convert one frame: colours first, then the shape of pixels, rotation, and the area."""
        stored = self._fields.of(frame) if self._traits.is_interlaced else frame
        rgb = self._colours(stored, frame)
        # As `probe` computes the size: rows stay, columns are scaled. A field has half of the rows.
        size_wh = (round(frame.width * self._aspect), frame.height)
        if (rgb.shape[1], rgb.shape[0]) != size_wh:
            shrinks = stored is frame
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            rgb = cast(Rgb, cv2.resize(rgb, size_wh, interpolation=method))
        shown = _upright(rgb, frame)
        if self._traits.area is None:
            return shown
        x0, y0, x1, y1 = self._traits.area
        return np.ascontiguousarray(shown[y0:y1, x0:x1])

    def _colours(self, stored: av.VideoFrame, frame: av.VideoFrame) -> Rgb:
        """Convert the colours; `frame` is the whole frame, whose properties a field may lack."""
        # By what the frame says, not by the trait: a later part of a joined video may be another.
        matrix = frame.colorspace
        if is_unmarked_hd(frame) and self._traits.is_bt709:
            matrix = _BT709
        elif stored is frame and not (is_hdr(frame) or is_wide_gamut(frame)):
            return cast(Rgb, frame.to_ndarray(format="rgb24"))
        if is_hdr(frame) or is_wide_gamut(frame):
            deep = self._reformatter.reformat(stored, format="rgb48le", src_colorspace=matrix)
            codes = cast("NDArray[np.uint16]", deep.to_ndarray())
            return to_sdr(codes, frame.color_trc, frame.color_primaries)
        rgb = self._reformatter.reformat(stored, format="rgb24", src_colorspace=matrix)
        return cast(Rgb, rgb.to_ndarray())


def is_hdr(frame: av.VideoFrame) -> bool:
    """Say whether the codes of a frame are HDR: PQ or HLG."""
    return frame.color_trc in (PQ, HLG)


def is_wide_gamut(frame: av.VideoFrame) -> bool:
    """Say whether a frame that is not HDR has wider primaries than BT.709."""
    return not is_hdr(frame) and frame.color_primaries in WIDE_GAMUTS


def is_unmarked_hd(frame: av.VideoFrame) -> bool:
    """Say whether a frame is HD in YUV and does not say by which matrix."""
    is_hd = frame.width > _SD_WH[0] or frame.height > _SD_WH[1]
    # `yuvj` is JPEG's own, which is BT.601 by its standard.
    is_yuv = frame.format.name.startswith(("yuv", "nv", "p0")) and "yuvj" not in frame.format.name
    return is_hd and is_yuv and frame.colorspace == _UNTOLD


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
