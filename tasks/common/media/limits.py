"""How untrusted media are opened: what is allowed to read them, and within which limits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from tasks.common.errors import SourceError
from tasks.common.media.sandbox import Limits, SandboxError
from tasks.common.settings import Settings

# As ffmpeg names them. Not here: playlists (hls, dash, concat), which make a reader open other
# files and addresses, and the hundred formats that no camera writes and nobody tests.
_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,asf,ogg"
CODECS = frozenset(
    (
        *("h264", "hevc", "av1", "libdav1d", "libaom-av1", "vp8", "vp9", "libvpx", "libvpx-vp9"),
        *("mpeg4", "mpeg2video", "mpeg1video", "h263", "mjpeg", "prores", "theora", "vc1", "wmv3"),
        *("ffv1", "msmpeg4v3"),
    )
)
_OPEN = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"}
_MEGABYTE = 1 << 20


def open_video(path: str | Path) -> InputContainer:
    """Open a file with one of the allowed demuxers, and no other file because of it."""
    return av.open(str(path), mode="r", metadata_errors="replace", options=dict(_OPEN))


def video_stream(container: InputContainer) -> VideoStream:
    """Return the first video stream.

    Raises:
        SourceError: there is none, or its codec is not among those allowed.
    """
    if not container.streams.video:
        raise SourceError("The file holds no video stream, only sound or data.")
    stream = container.streams.video[0]
    context: object = stream.codec_context  # typed as always there; None for an unknown codec
    if context is None:
        raise SourceError("The codec of the video is not known here.")
    if stream.codec_context.name not in CODECS:
        raise SourceError(
            f"The codec of the video is {stream.codec_context.name}; expected one of "
            f"{', '.join(sorted(CODECS))}. Convert it first."
        )
    return stream


def decode_limits(settings: Settings, video_s: float = 0.0) -> Limits:
    """Return what reading one file may cost; `video_s` is how much video will be decoded."""
    seconds = settings.decode_s + settings.decode_s_per_s * video_s
    return Limits(seconds, seconds, settings.decode_memory_mb * _MEGABYTE)


@contextmanager
def refusing_malformed_media() -> Iterator[None]:
    """Turn the end of a decoder's process into a source that cannot be used.

    Raises:
        SourceError: the block raised SandboxError.
    """
    try:
        yield
    except SandboxError as error:
        mend = {
            "time": "If it is only large, raise MATTEFLOW_DECODE_S or MATTEFLOW_DECODE_S_PER_S.",
            "memory": "If it is only large, raise MATTEFLOW_DECODE_MEMORY_MB.",
            "crash": "The file is damaged in a way that the decoder does not survive.",
        }[error.cause]
        raise SourceError(f"Decoding was stopped: {error} {mend}") from error
