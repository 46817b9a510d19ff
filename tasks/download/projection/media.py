"""Look at an opened photo or video and say what it shows; part of the worker of `probe`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from PIL import Image

from tasks.common.records import Projection
from tasks.download.projection.claims import (
    Claim,
    claim_of_boxes,
    claim_of_side_data,
    claim_of_xmp,
)
from tasks.download.projection.content import Evidence, look_at, may_be_other
from tasks.download.projection.recognise import Findings, recognise

_LOOKS = (0.25, 0.5, 0.75)  # of the duration: where else a video is looked at
_LOOK_PX = 4096  # larger photos are reduced before they are looked at
_SMALL_PX = 256  # height, for the shapes of which only a disc is looked for


def projection_of_photo(
    upright: Image.Image, metadata: Mapping[Any, Any], *, has_trailer: bool
) -> Projection:
    """Return what a photo shows, by its XMP and its pixels; `metadata` are Pillow's.

    Raises:
        SourceError: it has to be converted first, or it is not clear.
    """
    width, height = upright.size
    ratio = width / height
    xmp = metadata.get("xmp") or metadata.get("XML:com.adobe.xmp") or b""
    claim = claim_of_xmp(xmp if isinstance(xmp, bytes) else str(xmp).encode())
    if claim or may_be_other(ratio):
        small = upright.reduce(max(1, width // _LOOK_PX))
    else:
        small = upright.resize((max(1, round(_SMALL_PX * ratio)), _SMALL_PX), Image.Resampling.BOX)
    picture = look_at(np.asarray(small.convert("RGB")), ratio, is_claimed=claim is not None)
    return recognise(Findings(claim, [picture], has_trailer), ratio)


def projection_of_video(
    path: Path,
    container: InputContainer,
    frame: VideoFrame,
    ratio: float,
    duration_s: float | None,
    *,
    has_trailer: bool,
) -> Projection:
    """Return what a video shows, by its metadata and the pixels of up to four frames.

    `frame` is the first one, `ratio` its width over its height as shown.

    Raises:
        SourceError: it has to be converted first, or it is not clear.
    """
    claim = claim_of_side_data(frame.side_data) or claim_of_boxes(path)
    pictures = [_look_at_frame(frame, ratio, claim)]
    if claim or may_be_other(ratio) or pictures[0].n_discs:
        later = _later_frames(container, duration_s)
        pictures += [_look_at_frame(other, ratio, claim) for other in later]
    return recognise(Findings(claim, pictures, has_trailer), ratio)


def _look_at_frame(frame: VideoFrame, ratio: float, claim: Claim | None) -> Evidence:
    rgb = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90 % 4)
    return look_at(np.ascontiguousarray(rgb), ratio, is_claimed=claim is not None)


def _later_frames(container: InputContainer, duration_s: float | None) -> Iterator[VideoFrame]:
    """Yield key frames from later in the video, as far as it can be sought in."""
    for share in _LOOKS if duration_s else ():
        try:
            container.seek(int(share * (duration_s or 0.0) * av.time_base))
            frame = next(container.decode(video=0))
        except (av.FFmpegError, StopIteration):
            continue
        yield frame
