"""What a downloaded file really is: sniffed, opened, and measured before anything is decoded."""

import codecs
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import puremagic
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import ImageOps

from tasks.common.errors import SourceError
from tasks.common.media.images import open_picture
from tasks.common.media.limits import (
    decode_limits,
    open_video,
    refusing_malformed_media,
    video_stream,
)
from tasks.common.media.sandbox import run_isolated
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Kind, Projection
from tasks.common.settings import Settings

_FIRST_PACKETS = 500
_TEXT_HEAD_BYTES = 512
_MP4_HEAD = slice(4, 8)
_TURNED = {90, 270}
_EXPORT_FIRST = {".insv", ".insp", ".lrv"}


class Properties(NamedTuple):
    """What the file says of itself, as shown: turned upright, with square pixels."""

    kind: Kind
    codec: str
    width_px: int
    height_px: int
    frame_rate: str | None
    duration_s: float | None
    rotation_deg: int
    projection: Projection


def probe(
    path: Path, uri: str, limits: DownloadRecipe, settings: Settings, *, unturned: bool = False
) -> Properties:
    """Measure a media file, in a process of its own.

    With `unturned` a picture that an EXIF entry turns or mirrors is refused: what somebody marked
    in its stored pixels would not fit.

    Raises:
        SourceError: it is not a picture or video that can be used; the sentence says why.
    """
    if Path(uri).suffix.lower() in _EXPORT_FIRST:
        raise SourceError(
            "This is a camera's own two-lens file; export it as a flat or equirectangular video "
            "with the camera's software first."
        )
    job = {"path": str(path), "limits": limits.model_dump(mode="json"), "unturned": unturned}
    with refusing_malformed_media():
        return Properties(**run_isolated(probe_here, job, decode_limits(settings)))


def probe_here(job: dict[str, Any]) -> dict[str, Any]:
    """Measure the file at `job["path"]` in this process; return the fields of `Properties`."""
    path, limits = Path(job["path"]), DownloadRecipe.model_validate(job["limits"])
    mime = _sniff(path)
    if mime.startswith("image/"):
        return _probe_image(path, limits, unturned=job["unturned"])._asdict()
    if mime.startswith("text/") or _looks_like_text(path):
        raise SourceError(
            "The file holds text (perhaps a web page that was saved in the video's place), "
            "not a video or picture."
        )
    return _probe_video(path, limits)._asdict()


def _sniff(path: Path) -> str:
    try:
        return str(puremagic.from_file(str(path), mime=True) or "")
    except (puremagic.PureError, ValueError):
        return ""


def _looks_like_text(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(_TEXT_HEAD_BYTES).removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return head.startswith((b"<!doctype", b"<html", b"<?xml", b"{"))


def _probe_image(path: Path, limits: DownloadRecipe, *, unturned: bool) -> Properties:
    try:
        with open_picture(path) as image:
            _require_pixels(*image.size, limits)
            codec = (image.format or "unknown").lower()
            turned = image.getexif().get(0x0112, 1)
            if unturned and turned != 1:
                raise SourceError(
                    f"An EXIF entry turns the picture (orientation {turned}), but not its "
                    "annotation. Save the picture upright, without that entry."
                )
            width, height = ImageOps.exif_transpose(image).size if turned != 1 else image.size
            image.load()
    except (SourceError, MemoryError):
        raise
    except Exception as error:  # of a damaged file Pillow raises what it stumbles over
        raise SourceError(f"The picture cannot be read: {error}.") from error
    return Properties("image", codec, width, height, None, None, 0, "flat")


def _probe_video(path: Path, limits: DownloadRecipe) -> Properties:
    try:
        with open_video(path) as container:
            stream = video_stream(container)
            _require_pixels(stream.codec_context.width, stream.codec_context.height, limits)
            duration = _duration(container, stream)
            _require_duration(duration, limits)
            _require_frames(stream, duration, limits)
            return _of_video(stream, _first_frame(container, stream), duration)
    except av.FFmpegError as error:
        raise SourceError(f"The video cannot be read: {_cause(error, path)}.") from error


def _cause(error: av.FFmpegError, path: Path) -> str:
    if not isinstance(error, av.InvalidDataError):
        return error.strerror or str(error)
    with path.open("rb") as stream:
        is_mp4 = stream.read(_MP4_HEAD.stop)[_MP4_HEAD] == b"ftyp"
    if is_mp4:
        return "it is an MP4 file without a usable index (moov); perhaps its copy was cut short"
    return "its bytes are no video format that is known here"


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    for number, packet in enumerate(container.demux(stream)):
        try:
            for frame in packet.decode():
                if isinstance(frame, VideoFrame):
                    return frame
        except av.FFmpegError:
            continue
        if number > _FIRST_PACKETS:
            break
    raise SourceError("No frame of the video could be decoded.")


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is None:
        return None
    # Matroska declares when the last frame ends, others how long they last.
    is_matroska = "matroska" in container.format.name
    start_s = float((stream.start_time or 0) * (stream.time_base or 0)) if is_matroska else 0.0
    return container.duration / av.time_base - start_s


def _of_video(stream: VideoStream, frame: VideoFrame, duration: float | None) -> Properties:
    rotation = frame.rotation % 360
    aspect = stream.sample_aspect_ratio or Fraction(1)
    width, height = round(frame.width * aspect), frame.height
    if rotation in _TURNED:
        width, height = height, width
    rate = str(stream.average_rate) if stream.average_rate else None
    codec = stream.codec_context.name
    projection = _projection(frame)
    return Properties("video", codec, width, height, rate, duration, rotation, projection)


def _projection(frame: VideoFrame) -> Projection:
    for data in frame.side_data:
        if "SPHERICAL" in str(getattr(data, "type", "")):
            return "equirectangular"
    return "unknown" if frame.width == 2 * frame.height else "flat"


def _require_pixels(width: int, height: int, limits: DownloadRecipe) -> None:
    if width * height > limits.max_pixels:
        raise SourceError(
            f"The picture has {width} x {height} = {width * height / 1e6:,.0f} million pixels; "
            f"the recipe allows {limits.max_pixels / 1e6:,.0f} million (download.max_pixels)."
        )


def _require_duration(duration: float | None, limits: DownloadRecipe) -> None:
    if duration is not None and duration > limits.max_duration_s:
        raise SourceError(
            f"The video lasts {duration:,.0f} s; the recipe allows {limits.max_duration_s:,.0f} s "
            "(download.max_duration_s)."
        )


def _require_frames(stream: VideoStream, duration: float | None, limits: DownloadRecipe) -> None:
    n_frames = stream.frames or int(float(stream.average_rate or 0) * (duration or 0.0))
    if n_frames > limits.max_frames:
        raise SourceError(
            f"The video declares {n_frames:,} frames; the recipe allows {limits.max_frames:,} "
            "(download.max_frames)."
        )
