"""Decode damaged videos: packet by packet, and after an error nothing before the next key frame.

ffmpeg conceals errors: it returns frames with grey or smeared areas as if they were good.
"""

import os
from collections.abc import Generator, Iterator
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tasks.common.media.limits import open_video, video_stream
from tasks.sample.timeline import InOrder, rate_of, timed_packets
from tasks.sample.traits import Traits

_TOLERANCE_S = 1e-6  # timestamps are fractions; as floats, equal times may differ in the last digit
_MAX_THREADS = 8  # each holds frames of its own, and the worker's memory is limited
# A transport stream's demuxer marks the packet before the one that lost data, sometimes two before.
_FLAG_LEAD = 2


class Decoded(NamedTuple):
    """An undamaged frame, and its time in seconds from the start of the stream."""

    frame: VideoFrame
    time_s: float


class Progress:
    """The state of decoding: damage, and the end of the data, also after the last good frame."""

    def __init__(self) -> None:
        self.n_damaged = 0
        self.n_packets_since = 0
        self.data_end_s = 0.0

    def note_damage(self) -> None:
        """Count a damaged place."""
        self.n_damaged += 1
        self.n_packets_since = 0


def decode(
    path: str, key_times: tuple[float, ...] | None, progress: Progress, traits: Traits
) -> Generator[Decoded, None, None]:
    """Yield frames in order of time; with `key_times` only key frames, at those times.

    Times come from the container's own timestamps. Frames that depend on damaged ones are left
    out. Ends without an error at the end of the data; the caller compares `progress` with the
    declared length.
    """
    with open_video(path) as container:
        stream = video_stream(container)
        # Threads by frame and by slice: by default ffmpeg uses slices only, which few videos have.
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = min(os.cpu_count() or 1, _MAX_THREADS)
        if traits.is_untimed:
            yield from _counted(container, stream, progress)
            return
        if key_times is not None:
            stream.codec_context.skip_frame = "NONKEY"
        packets = _timed(
            timed_packets(container, stream, is_joined=traits.is_joined), stream, progress
        )
        yield from _undamaged(packets, stream, key_times, progress)


def _counted(
    container: InputContainer, stream: VideoStream, progress: Progress
) -> Iterator[Decoded]:
    """Yield the frames of a stream without times, which follow from their number."""
    rate, number = rate_of(stream), 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            progress.note_damage()
            continue
        for frame in frames:
            time_s = float(number / rate)
            number += 1
            progress.n_packets_since += 1
            progress.data_end_s = time_s
            if frame.is_corrupt:
                progress.note_damage()
            else:
                yield Decoded(frame, time_s)


class _TimedPacket(NamedTuple):
    packet: "Packet[VideoStream]"
    time_s: float | None
    is_start: bool  # of another recording that was joined to the first


def _timed(
    packets: Iterator[InOrder], stream: VideoStream, progress: Progress
) -> Iterator[_TimedPacket]:
    """Yield the packets with their presentation times, and record in `progress` how far they go."""
    base, start = stream.time_base or 0, stream.start_time or 0
    for packet, is_start in packets:
        time_s = None if packet.pts is None else float((packet.pts - start) * base)
        progress.n_packets_since += 1
        if packet.is_corrupt:
            progress.note_damage()
        progress.data_end_s = max(progress.data_end_s, time_s or 0.0)
        yield _TimedPacket(packet, time_s, is_start)


def _undamaged(
    packets: Iterator[_TimedPacket],
    stream: VideoStream,
    key_times: tuple[float, ...] | None,
    progress: Progress,
) -> Iterator[Decoded]:
    """Decode; after damage, skip every frame before the time of the next key packet.

    The decoder returns frames several packets late (threads, reordering). So a frame is judged by
    its time, not by the packet after which it is returned: a key frame from before the damage must
    not end the wait. `trusted_from` is that time, and None while no key packet has come.
    """
    trusted_from: float | None = None
    n_handled = 0  # damaged places that `trusted_from` takes into account
    start_s = float((stream.start_time or 0) * (stream.time_base or 0))
    chosen = packets if key_times is None else _key_packets(packets, key_times)
    for packet, time_s, is_start in chosen:
        if progress.n_damaged > n_handled:
            n_handled, trusted_from = progress.n_damaged, None
        # The demuxer's flag comes early, so the packets right after it may still be damaged.
        is_clear = progress.n_damaged == 0 or progress.n_packets_since > _FLAG_LEAD
        if packet.is_keyframe and trusted_from is None and is_clear:
            trusted_from = time_s
        # A transport stream calls the join itself damage: its counters begin again.
        if is_start and packet.is_keyframe:
            n_handled, trusted_from = progress.n_damaged, time_s
        try:
            frames = packet.decode()
        except av.FFmpegError:
            progress.note_damage()
            continue
        for frame in frames:
            if frame.is_corrupt:
                progress.note_damage()
            if trusted_from is None or progress.n_damaged > n_handled or frame.time is None:
                continue
            if frame.time - start_s >= trusted_from - _TOLERANCE_S:
                yield Decoded(frame, frame.time - start_s)


def _key_packets(
    packets: Iterator[_TimedPacket], key_times: tuple[float, ...]
) -> Iterator[_TimedPacket]:
    """Yield the key packets at the given times, and the empty packet that flushes the decoder."""
    remaining = iter(key_times)
    next_s = next(remaining, None)
    for timed in packets:
        if timed.packet.size == 0:
            yield timed
        elif timed.time_s is None or next_s is None or not timed.packet.is_keyframe:
            continue
        elif timed.time_s >= next_s - _TOLERANCE_S:
            yield timed
            next_s = next(remaining, None)
