"""Plan the sampling of a video: target times, and key frames only or every frame.

Why no seeking: docs/decisions/0002.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from tasks.common.media.limits import open_video, video_stream
from tasks.common.recipe.models import SampleRecipe
from tasks.sample.timeline import timed_packets
from tasks.sample.traits import PLAIN, Traits

# Timestamps are fractions; as floats, equal times may differ in the last digit.
_TOLERANCE_S = 1e-6


class Plan(NamedTuple):
    """Targets at 0, `every_s`, 2 `every_s` …, at most `n_targets`.

    With `key_times` the targets are these key frames instead, and only they are decoded. By the
    container's declaration the last frame begins at `last_s`; None if it declares no duration.
    """

    every_s: float
    n_targets: int
    last_s: float | None
    key_times: tuple[float, ...] | None

    def time_of(self, target: int) -> float:
        """Return the time of a target in seconds from the start."""
        if self.key_times is not None and target < len(self.key_times):
            return self.key_times[target]
        return target * self.every_s


def make_plan(
    path: str,
    duration_s: float | None,
    frame_s: float,
    recipe: SampleRecipe,
    traits: Traits = PLAIN,
) -> Plan:
    """Choose targets and mode: key frames where they are dense enough, else every frame.

    Decoding key frames alone costs a small part of decoding everything, so `auto` takes it
    whenever no two of them lie further apart than the sampling step. `frame_s` is how long a
    frame lasts on average: the last one begins about that much before the end.
    """
    every_s, last_s = recipe.every_s, None
    if duration_s is not None:
        # Wider steps rather than a cut: a long video is sampled to its end.
        every_s = max(every_s, duration_s / recipe.max_frames)
        last_s = max(0.0, duration_s - frame_s)
    # Without times no packet is known to be the one of a target.
    if recipe.mode != "all" and not traits.is_untimed:
        packets = _read_packet_times(path, is_joined=traits.is_joined)
        if recipe.mode == "keyframes" or _are_dense(packets.key_times, duration_s, every_s):
            chosen = list(first_at_or_after_targets(packets.key_times, every_s))
            chosen += _missing_targets(packets.end_s, last_s, every_s)
            chosen = chosen[: recipe.max_frames]
            return Plan(every_s, len(chosen), last_s, tuple(chosen))
    if duration_s is None:
        return Plan(every_s, recipe.max_frames, None, None)
    return Plan(every_s, max(1, math.ceil(duration_s / every_s - _TOLERANCE_S)), last_s, None)


class _PacketTimes(NamedTuple):
    key_times: list[float]
    end_s: float


def _read_packet_times(path: str, *, is_joined: bool) -> _PacketTimes:
    """Read the times of the key frames and of the end of the data, without decoding."""
    with open_video(path) as container:
        stream = video_stream(container)
        base, start = stream.time_base, stream.start_time or 0
        times = [
            (float((packet.pts - start) * base), packet.is_keyframe)
            for packet, _ in timed_packets(container, stream, is_joined=is_joined)
            if packet.pts is not None and base is not None
        ]
    return _PacketTimes(
        sorted(time_s for time_s, is_key in times if is_key),
        max((time_s for time_s, _ in times), default=0.0),
    )


def _missing_targets(end_s: float, last_s: float | None, every_s: float) -> list[float]:
    """Return the targets between the end of the data and the declared end.

    No frame can reach them. They are planned so that each becomes a drop: a truncated file must not
    look like a shorter one.
    """
    if last_s is None or last_s - end_s < every_s:
        return []
    first, last = next_target(end_s, every_s), math.floor(last_s / every_s + _TOLERANCE_S)
    return [number * every_s for number in range(first, last + 1)]


def _are_dense(key_times: list[float], duration_s: float | None, every_s: float) -> bool:
    """Say whether no gap between key frames, or to either end, exceeds the sampling step."""
    # Without a duration the gap after the last key frame is unknown.
    if not key_times or duration_s is None:
        return False
    borders = [0.0, *key_times, duration_s]
    return max(after - before for before, after in pairwise(borders)) <= every_s + _TOLERANCE_S


def first_at_or_after_targets(times: list[float], every_s: float) -> Iterator[float]:
    """Yield from ascending times the first one at or after each target; none twice."""
    target = 0
    for time_s in times:
        if time_s >= target * every_s - _TOLERANCE_S:
            yield time_s
            target = next_target(time_s, every_s)


def next_target(time_s: float, every_s: float) -> int:
    """Return the number of the first target after `time_s`."""
    return math.floor(time_s / every_s + _TOLERANCE_S) + 1
