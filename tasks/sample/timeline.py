"""The packets of a video with times that only go forward, and what they say about its length.

Joined transport streams begin to count again; bare streams and some AVI files have no times.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

# Decoding times go back by this much only where another recording begins.
_JOIN_S = 1.0
_DEFAULT_RATE = Fraction(25)  # ffmpeg's own, for streams that name none


class Timeline(NamedTuple):
    """What the packets of a file say.

    `end_s` is where the last frame of the video ends, counted from its start, `others_end_s` where
    sound and other streams end; None where no packet has a time.
    """

    end_s: float | None
    others_end_s: float | None
    n_packets: int
    n_joins: int


def read_timeline(container: InputContainer, stream: VideoStream) -> Timeline:
    """Read all packets, without decoding."""
    start_s = float((stream.start_time or 0) * (stream.time_base or 0))
    joins = _Joins(stream)
    end_s = others_end_s = None
    n_packets = 0
    for packet in container.demux():
        if packet.pts is None or packet.time_base is None:
            n_packets += packet.stream is stream and packet.size > 0
            continue
        if packet.stream is stream:
            n_packets += 1
            joins.note(packet)
            pts = packet.pts + joins.offset
            last_s = float((pts + (packet.duration or 0)) * packet.time_base) - start_s
            end_s = max(end_s or 0.0, last_s)
        else:
            last_s = float((packet.pts + (packet.duration or 0)) * packet.time_base) - start_s
            others_end_s = max(others_end_s or 0.0, last_s)
    return Timeline(end_s, others_end_s, n_packets, joins.n_joins)


class InOrder(NamedTuple):
    """A packet, and whether it begins another recording."""

    packet: "Packet[VideoStream]"
    is_start: bool


def timed_packets(
    container: InputContainer, stream: VideoStream, *, is_joined: bool
) -> Iterator[InOrder]:
    """Yield the packets of a stream; of joined recordings the later ones follow the earlier."""
    joins = _Joins(stream)
    for packet in container.demux(stream):
        if is_joined and packet.size:
            joins.note(packet)
            if joins.offset:
                packet.pts = None if packet.pts is None else packet.pts + joins.offset
                packet.dts = None if packet.dts is None else packet.dts + joins.offset
        yield InOrder(packet, joins.is_start)


def rate_of(stream: VideoStream) -> Fraction:
    """Return the frame rate of a stream without times."""
    return stream.guessed_rate or stream.average_rate or _DEFAULT_RATE


class _Joins:
    """Finds where packets begin to count again; `offset` is added to those after it.

    `is_start`: the packet that was noted last begins another recording.
    """

    def __init__(self, stream: VideoStream):
        self.n_joins = 0
        self.offset = 0
        self.is_start = False
        self._base = stream.time_base or Fraction(1, 1)
        self._rate = stream.average_rate or _DEFAULT_RATE
        self._last: int | None = None

    def note(self, packet: "Packet[Any]") -> None:
        """Compare a packet with the one before."""
        time = packet.dts if packet.dts is not None else packet.pts
        if time is None:
            return
        shifted = time + self.offset
        self.is_start = False
        if self._last is not None and (self._last - shifted) * self._base > _JOIN_S:
            self.n_joins += 1
            self.is_start = True
            frame = packet.duration or round(1 / self._rate / self._base)
            self.offset += self._last + frame - shifted
            shifted = time + self.offset
        self._last = shifted
