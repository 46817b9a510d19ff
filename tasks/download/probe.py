"""Probe a downloaded file: kind, codec, size and duration, checked against the limits.

Suffix, MIME type and declared sizes are claims. The content decides. It is read in an isolated
worker process, because a malformed file can crash or bloat a decoder.
"""

import codecs
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import puremagic
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageOps, UnidentifiedImageError

from tasks.common.errors import SourceError
from tasks.common.media.images import is_heif, open_picture
from tasks.common.media.jail import Reach
from tasks.common.media.limits import (
    decode_limits,
    open_video,
    refusing_malformed_media,
    video_stream,
)
from tasks.common.media.profiles import photo_problem
from tasks.common.media.sandbox import run_isolated
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import DeclaredProjection, Kind, Projection, Record
from tasks.common.settings import Settings
from tasks.download.projection.media import projection_of_photo, projection_of_video
from tasks.download.projection.recognise import EXPORT_FIRST, require_readable
from tasks.download.projection.trailer import read_trailer

_FIRST_PACKETS = 500  # damaged packets at the start after which the probe gives up
# Enough for a byte order mark, white space and the first tag.
_TEXT_HEAD_BYTES = 512
_MP4_HEAD = slice(4, 8)  # an MP4 file begins with the size and type of its first box
_QUARTER_TURNS = {90, 270}
_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = 1
_READABLE = {f"image/{name}" for name in ("jpeg", "png", "webp", "bmp", "tiff", "avif", "heif")}
_ORIENTATIONS = range(1, 9)
_TURNS_DEG = {6: 270, 8: 90}  # counterclockwise; 5 and 7, which mirror as well, no camera writes
# Insta360's raw files hold one circular fisheye picture per lens: stitching needs its software.
_CAMERA_SUFFIXES = {".insv", ".insp", ".lrv"}


class Properties(Record):
    """Properties of a media file; sizes are those of the upright picture with square pixels."""

    kind: Kind
    codec: str
    width_px: int
    height_px: int
    frame_rate: str | None
    duration_s: float | None
    rotation_deg: int
    projection: Projection
    captured_with: str | None = None


class _Job(Record):
    """A file to probe; see `probe`."""

    path: str
    limits: DownloadRecipe
    must_be_upright: bool
    projection: DeclaredProjection | None


def probe(
    path: Path,
    uri: str,
    limits: DownloadRecipe,
    settings: Settings,
    *,
    must_be_upright: bool = False,
    projection: DeclaredProjection | None = None,
) -> Properties:
    """Probe a media file in an isolated worker process.

    `projection` is what the source list says; None: it is recognised by the content.

    With `must_be_upright` a picture that an EXIF entry turns or mirrors is refused unless the size
    of its annotation can show on which pixels, stored or upright, it is drawn.

    Raises:
        SourceError: the file is not a usable picture or video; the message says why.
    """
    if projection is not None:
        require_readable(projection)
    # By the suffix as well as by the content: some cameras write each lens into a file of its own.
    elif Path(uri).suffix.lower() in _CAMERA_SUFFIXES:
        raise SourceError(EXPORT_FIRST)
    job = _Job(
        path=str(path), limits=limits, must_be_upright=must_be_upright, projection=projection
    )
    with refusing_malformed_media():
        answer = run_isolated(
            probe_in_worker,
            job.model_dump(mode="json"),
            decode_limits(settings),
            Reach((job.path,)),
        )
    properties = Properties.model_validate(answer)
    # Again, here: a worker that was taken over would say anything.
    _require_pixels(properties.width_px, properties.height_px, limits)
    return properties


def probe_in_worker(values: dict[str, Any]) -> dict[str, Any]:
    """Probe a file; the worker side of `probe`.

    Takes the values of a `_Job` and returns those of `Properties`.

    Raises:
        SourceError: as `probe`.
    """
    job = _Job.model_validate(values)
    path = Path(job.path)
    trailer = read_trailer(path)
    properties = _probe(path, job, has_trailer=trailer is not None)
    camera = {"captured_with": trailer and trailer.camera}
    return properties.model_copy(update=camera).model_dump(mode="json")


def _probe(path: Path, job: _Job, *, has_trailer: bool) -> Properties:
    mime = "image/heif" if is_heif(path) else _sniff(path)
    # A video is what ffmpeg opens: its containers have too many signatures to list.
    if mime.startswith("image/"):
        return _probe_image(path, job, has_trailer=has_trailer)
    if mime.startswith("text/") or _looks_like_text(path):
        raise SourceError(
            "The file holds text (perhaps a web page that was saved in the video's place), "
            "not a video or picture."
        )
    return _probe_video(path, job, has_trailer=has_trailer)


def _sniff(path: Path) -> str:
    try:
        return str(puremagic.from_file(str(path), mime=True) or "")
    except (puremagic.PureError, ValueError):
        return ""


def _looks_like_text(path: Path) -> bool:
    """Recognise error pages and JSON, which servers send in place of a file with status 200."""
    with path.open("rb") as stream:
        head = stream.read(_TEXT_HEAD_BYTES).removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return head.startswith((b"<!doctype", b"<html", b"<?xml", b"{"))


def _probe_image(path: Path, job: _Job, *, has_trailer: bool) -> Properties:
    try:
        with open_picture(path) as image:
            # From the header, before `load` decodes: a picture of gigapixels in a few kB is an
            # attack.
            _require_pixels(*image.size, job.limits)
            codec = (image.format or "unknown").lower()
            problem = photo_problem(image)
            if problem is not None:
                raise SourceError(problem)
            orientation = _orientation(image)
            turns_deg = _TURNS_DEG.get(orientation, 0)
            # A quarter turn shows in the size of the annotation; any other may be in it or not.
            is_told = turns_deg != 0 and image.width != image.height
            if job.must_be_upright and orientation != _UPRIGHT and not is_told:
                raise SourceError(
                    f"An EXIF entry turns the picture (orientation {orientation}), and it cannot "
                    "be told whether its annotation is turned, too. Save the picture upright, "
                    "without that entry."
                )
            is_upright = orientation == _UPRIGHT
            upright = image if is_upright else ImageOps.exif_transpose(image)
            width, height = upright.size
            # A file that is cut short has an intact header.
            image.load()
            projection = job.projection or projection_of_photo(
                upright, image.info, has_trailer=has_trailer
            )
    except (SourceError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        # Its text names our own copy of the file, which tells the user nothing.
        if (mime := _sniff(path)) in _READABLE:
            raise SourceError("The picture cannot be read: its header is damaged.") from error
        raise SourceError(
            f"The picture's format ({mime}) is not supported. Convert it to JPEG or PNG."
        ) from error
    except Exception as error:  # on damaged files Pillow's parsers raise all kinds of exceptions
        raise SourceError(f"The picture cannot be read: {error}.") from error
    return Properties(
        kind="image",
        codec=codec,
        width_px=width,
        height_px=height,
        frame_rate=None,
        duration_s=None,
        # Of annotated pictures alone: with these their annotations are turned.
        rotation_deg=turns_deg if job.must_be_upright else 0,
        projection=projection,
    )


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 0 and other values of no meaning turn nothing."""
    value = image.getexif().get(_ORIENTATION, _UPRIGHT)
    return value if isinstance(value, int) and value in _ORIENTATIONS else _UPRIGHT


def _probe_video(path: Path, job: _Job, *, has_trailer: bool) -> Properties:
    limits = job.limits
    try:
        with open_video(path) as container:
            stream = video_stream(container)
            _require_pixels(stream.codec_context.width, stream.codec_context.height, limits)
            duration_s = _duration_s(container, stream)
            _require_duration(duration_s, limits)
            _require_frames(stream, duration_s, limits)
            frame = _first_frame(container, stream)
            properties = _video_properties(stream, frame, duration_s)
            projection = job.projection or projection_of_video(
                path,
                container,
                frame,
                properties.width_px / properties.height_px,
                properties.duration_s,
                has_trailer=has_trailer,
            )
            return properties.model_copy(update={"projection": projection})
    except av.FFmpegError as error:
        raise SourceError(f"The video cannot be read: {_cause(error, path)}.") from error


def _cause(error: av.FFmpegError, path: Path) -> str:
    if not isinstance(error, av.InvalidDataError):
        return error.strerror or str(error)
    with path.open("rb") as stream:
        is_mp4 = stream.read(_MP4_HEAD.stop)[_MP4_HEAD] == b"ftyp"
    if is_mp4:
        return "it is an MP4 file without a usable index (moov); perhaps its copy was cut short"
    return "its content is no known video format"


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """Decode one frame: rotation and projection are side data of frames, not of the stream."""
    for number, packet in enumerate(container.demux(stream)):
        try:
            for frame in packet.decode():
                if isinstance(frame, VideoFrame):
                    return frame
        except av.FFmpegError:
            continue
        # A damaged beginning is common in recordings of streams; a video without any frame is not
        # usable.
        if number > _FIRST_PACKETS:
            break
    raise SourceError("No frame of the video could be decoded.")


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the declared duration: the stream's own if there is one, else the container's.

    The container's also covers sound, which may be longer than the pictures.
    """
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is None:
        return None
    # Matroska declares the time at which the last frame ends, other formats the length.
    is_matroska = "matroska" in container.format.name
    start_s = float((stream.start_time or 0) * (stream.time_base or 0)) if is_matroska else 0.0
    return container.duration / av.time_base - start_s


def _video_properties(
    stream: VideoStream, frame: VideoFrame, duration_s: float | None
) -> Properties:
    rotation_deg = frame.rotation % 360
    # 0 or None where it is not declared: square.
    aspect = stream.sample_aspect_ratio or Fraction(1)
    # Pixels need not be square (DV, anamorphic video): the picture is as wide as it is shown.
    width, height = round(frame.width * aspect), frame.height
    if rotation_deg in _QUARTER_TURNS:
        width, height = height, width
    return Properties(
        kind="video",
        codec=stream.codec_context.name,
        width_px=width,
        height_px=height,
        frame_rate=str(stream.average_rate) if stream.average_rate else None,
        duration_s=duration_s,
        rotation_deg=rotation_deg,
        projection="flat",  # replaced by what is recognised
    )


def _require_pixels(width: int, height: int, limits: DownloadRecipe) -> None:
    if width * height > limits.max_pixels:
        raise SourceError(
            f"The picture has {width} x {height} = {width * height / 1e6:,.0f} million pixels; "
            f"the recipe allows {limits.max_pixels / 1e6:,.0f} million (download.max_pixels)."
        )


def _require_duration(duration_s: float | None, limits: DownloadRecipe) -> None:
    if duration_s is not None and duration_s > limits.max_duration_s:
        raise SourceError(
            f"The video lasts {duration_s:,.0f} s; the recipe allows "
            f"{limits.max_duration_s:,.0f} s (download.max_duration_s)."
        )


def _require_frames(stream: VideoStream, duration_s: float | None, limits: DownloadRecipe) -> None:
    # Many containers declare no count; rate times duration then stands for it. Both are claims.
    n_frames = stream.frames or int(float(stream.average_rate or 0) * (duration_s or 0.0))
    if n_frames > limits.max_frames:
        raise SourceError(
            f"The video declares {n_frames:,} frames; the recipe allows {limits.max_frames:,} "
            "(download.max_frames)."
        )
