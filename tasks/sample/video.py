"""Decoding that survives damage: packet by packet, and after an error nothing until a key frame."""

from collections.abc import Iterator
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_TOLERANCE_S = 1e-6


class Decoded(NamedTuple):
    """A frame that can be trusted, and its time from the stream's start."""

    frame: VideoFrame
    time_s: float


class Damage:
    """Counts the places where the data could not be trusted, also after the last good frame."""

    def __init__(self) -> None:
        self.n_places = 0


def decode(path: str, key_times: tuple[float, ...] | None, damage: Damage) -> Iterator[Decoded]:
    """Yield frames in order of time; with `key_times` only key frames, at those times.

    Times come from the container's own timestamps. Frames that depend on damaged ones are left
    out, and every place that cannot be decoded is counted in `damage`. Ends quietly where the
    data end; the caller compares that with what was promised.
    """
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if key_times is not None:
            stream.codec_context.skip_frame = "NONKEY"
        yield from _trusted(container, stream, key_times, damage)


def _trusted(
    container: InputContainer,
    stream: VideoStream,
    key_times: tuple[float, ...] | None,
    damage: Damage,
) -> Iterator[Decoded]:
    waiting = True
    start_s = float((stream.start_time or 0) * (stream.time_base or 0))
    for packet in _packets(container, stream, key_times):
        if packet.is_corrupt:
            damage.n_places, waiting = damage.n_places + 1, True
        try:
            frames = packet.decode()
        except av.FFmpegError:
            damage.n_places, waiting = damage.n_places + 1, True
            continue
        for frame in frames:
            if frame.is_corrupt:
                damage.n_places, waiting = damage.n_places + 1, True
                continue
            waiting = waiting and not frame.key_frame
            if not waiting and frame.time is not None:
                yield Decoded(frame, frame.time - start_s)


def _packets(
    container: InputContainer, stream: VideoStream, key_times: tuple[float, ...] | None
) -> "Iterator[Packet[VideoStream]]":
    if key_times is None:
        yield from container.demux(stream)
        return
    wanted = iter(key_times)
    next_s = next(wanted, None)
    base, start = stream.time_base or 0, stream.start_time or 0
    for packet in container.demux(stream):
        if packet.pts is None:
            if packet.size == 0:
                yield packet  # the empty packet that flushes the decoder
            continue
        time_s = float((packet.pts - start) * base)
        if next_s is not None and packet.is_keyframe and time_s >= next_s - _TOLERANCE_S:
            yield packet
            next_s = next(wanted, None)
