"""Which moments of a video to look at, and the cheapest honest way to get there."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import av

from tasks.common.recipe import SampleRecipe

_TOLERANCE_S = 1e-6


class Plan(NamedTuple):
    """Targets at 0, `every_s`, 2 `every_s` …; with `key_times` only those key frames are decoded.

    `n_targets` is None when the container does not say how long it is.
    """

    every_s: float
    n_targets: int | None
    key_times: tuple[float, ...] | None


def make_plan(path: str, duration_s: float | None, frame_s: float, recipe: SampleRecipe) -> Plan:
    """Choose targets and mode: key frames where they are dense enough, else every frame.

    Decoding key frames alone costs a small part of decoding everything, so `auto` takes it
    whenever no two of them lie further apart than the sampling step. `frame_s` is how long the last
    frame lasts: it begins that much before the end.
    """
    every_s = recipe.every_s
    if duration_s is not None:
        every_s = max(every_s, duration_s / recipe.max_frames)
    if recipe.mode != "all":
        key_times = _key_times(path)
        if recipe.mode == "keyframes" or _are_dense(key_times, duration_s, every_s):
            chosen = tuple(first_at_or_after_targets(key_times, every_s))[: recipe.max_frames]
            return Plan(every_s, len(chosen), chosen)
    if duration_s is None:
        return Plan(every_s, None, None)
    last_s = max(0.0, duration_s - frame_s)
    return Plan(every_s, 1 + math.floor(last_s / every_s + _TOLERANCE_S), None)


def _key_times(path: str) -> list[float]:
    with av.open(path) as container:
        stream = container.streams.video[0]
        base, start = stream.time_base, stream.start_time or 0
        if base is None:
            return []
        return sorted(
            float((packet.pts - start) * base)
            for packet in container.demux(stream)
            if packet.is_keyframe and packet.pts is not None
        )


def _are_dense(key_times: list[float], duration_s: float | None, every_s: float) -> bool:
    if not key_times or duration_s is None:
        return False
    borders = [0.0, *key_times, duration_s]
    gaps = (after - before for before, after in pairwise(borders))
    return max(gaps) <= every_s + _TOLERANCE_S


def first_at_or_after_targets(times: list[float], every_s: float) -> Iterator[float]:
    """Yield, of rising times, the first at or after each target; none twice."""
    target = 0
    for time_s in times:
        if time_s >= target * every_s - _TOLERANCE_S:
            yield time_s
            target = next_target(time_s, every_s)


def next_target(time_s: float, every_s: float) -> int:
    """Return the number of the first target after `time_s`."""
    return math.floor(time_s / every_s + _TOLERANCE_S) + 1
