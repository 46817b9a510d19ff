"""How untrusted media are opened: allowed demuxers and codecs, limits of the worker process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from tasks.common.errors import SourceError
from tasks.common.media.sandbox import Limits, SandboxError
from tasks.common.settings import Settings

# As ffmpeg names them. Left out: playlists (hls, dash, concat), which make a reader open other
# files and URLs, and the hundred formats that no camera writes and no test covers.
_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,asf,ogg,flv"
CODECS = frozenset(
    (
        *("h264", "hevc", "av1", "libdav1d", "libaom-av1", "vp8", "vp9", "libvpx", "libvpx-vp9"),
        *("mpeg4", "mpeg2video", "mpeg1video", "h263", "mjpeg", "prores", "theora", "vc1", "wmv3"),
        *("wmv1", "wmv2", "flv1"),
        *("ffv1", "msmpeg4v3"),
    )
)
_OPEN = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"}
_MEGABYTE = 1 << 20
_NO_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def open_video(path: str | Path) -> InputContainer:
    """Open a file with one of the allowed demuxers; ffmpeg may open no other file or URL for it."""
    return av.open(str(path), mode="r", metadata_errors="replace", options=dict(_OPEN))


def video_stream(container: InputContainer) -> VideoStream:
    """Return the best video stream: no cover, the largest, of equals the default one.

    Raises:
        SourceError: there is none, or its codec is not among those allowed.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & _NO_VIDEO]
    if not streams:
        is_covered = bool(container.streams.video)
        raise SourceError(
            "The file holds no video stream, only sound"
            + (" and a cover picture." if is_covered else " or data.")
        )
    # `max` takes the first of equals, as a single stream always is.
    stream = max(streams, key=_rank)
    context: object = stream.codec_context  # typed as always there; None for an unknown codec
    if context is None:
        raise SourceError("The codec of the video is unknown.")
    if stream.codec_context.name not in CODECS:
        raise SourceError(
            f"The codec of the video is {stream.codec_context.name}; expected one of "
            f"{', '.join(sorted(CODECS))}. Convert it first."
        )
    return stream


def _rank(stream: VideoStream) -> tuple[bool, bool, int, bool]:
    """Rank a stream. By its size first: writers call the first track the default one, or each."""
    context: object = stream.codec_context
    if context is None:
        return False, False, 0, False
    pixels = stream.codec_context.width * stream.codec_context.height
    # A track of one frame is a preview, whatever the file says of it.
    return (
        stream.codec_context.name in CODECS,
        stream.frames != 1,
        pixels,
        bool(stream.disposition & Disposition.default),
    )


def decode_limits(settings: Settings, video_s: float = 0.0) -> Limits:
    """Return the limits for reading one file; `video_s` is how much video will be decoded.

    The same number limits clock and CPU time: several decoder threads reach the CPU limit first.
    """
    seconds = settings.decode_s + settings.decode_s_per_s * video_s
    return Limits(seconds, seconds, settings.decode_memory_mb * _MEGABYTE)


@contextmanager
def refusing_malformed_media() -> Iterator[None]:
    """Turn a failed worker process into a source that cannot be used.

    A SourceError and not a WorldError: malformed media stay malformed, so a retry is wasted.

    Raises:
        SourceError: the block raised SandboxError.
    """
    try:
        yield
    except SandboxError as error:
        fix = {
            "time": "If it is only large, raise MATTEFLOW_DECODE_S or MATTEFLOW_DECODE_S_PER_S.",
            "memory": "If it is only large, raise MATTEFLOW_DECODE_MEMORY_MB.",
            "crash": "The file is damaged in a way that crashes the decoder.",
        }[error.cause]
        raise SourceError(f"Decoding was stopped: {error} {fix}") from error
