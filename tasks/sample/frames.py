"""Choose the sampled frames of a video: one per target time, and no stills."""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from typing import NamedTuple, cast

import cv2
import numpy as np

from tasks.common.media.images import Rgb
from tasks.common.records import Drop
from tasks.sample.color import Converter
from tasks.sample.decode import Progress, decode
from tasks.sample.plan import Plan, next_target
from tasks.sample.traits import Traits

_TOLERANCE_S = 1e-6
# One cell is about 30 px of a full HD frame: a head at a distance.
_GRID_WH = (64, 36)  # 16:9, as most videos are


class Sampled(NamedTuple):
    """A picture taken from the source at a time."""

    time_s: float
    rgb: Rgb


def sample_video(
    path: str, plan: Plan, aspect: Fraction | None, traits: Traits
) -> Iterator[Sampled | Drop]:
    """Yield the first undamaged frame at or after each target, or a drop if there is none.

    One frame may stand for several targets, for instance after a gap in the video; all but the last
    of them are drops.
    """
    target, n_explained, progress = 0, 0, Progress()
    converter = Converter(aspect, traits)
    with closing(decode(path, plan.key_times, progress, traits)) as frames:
        for frame, time_s in frames:
            reached = _reached(plan, target, time_s)
            if reached is None:
                continue
            # Damage since the last sampled frame explains the gap; otherwise nothing new was shown.
            reason = "undecodable" if progress.n_damaged > n_explained else "no_new_frame"
            yield from (_missed(plan, number, reason, time_s) for number in range(target, reached))
            n_explained = progress.n_damaged
            yield Sampled(time_s, converter.to_rgb(frame))
            target = reached + 1
            # Closing the generator ends the decoder: the rest of the file is not read.
            if target >= plan.n_targets:
                return
    yield from _never_reached(plan, target, progress)


def _never_reached(plan: Plan, target: int, progress: Progress) -> Iterator[Drop]:
    """Explain the targets after the last good frame, up to the end that the container declares."""
    if plan.last_s is None:
        return
    # In a truncated file the last packet itself is damaged, so at most one follows the damage.
    is_cut = progress.n_packets_since <= 1 and progress.data_end_s < plan.last_s - _TOLERANCE_S
    for number in range(target, plan.n_targets):
        time_s = plan.time_of(number)
        if time_s > plan.last_s + _TOLERANCE_S:
            return
        is_beyond = is_cut or time_s > progress.data_end_s
        reason = "truncated" if is_beyond else "undecodable"
        yield _missed(plan, number, reason, progress.data_end_s)


def _reached(plan: Plan, target: int, time_s: float) -> int | None:
    """Return the last target that a frame at `time_s` reaches, or None if it is too early."""
    if time_s < plan.time_of(target) - _TOLERANCE_S:
        return None
    if plan.key_times is not None:
        return bisect_right(plan.key_times, time_s + _TOLERANCE_S) - 1
    return min(next_target(time_s, plan.every_s), plan.n_targets) - 1


def _missed(plan: Plan, number: int, reason: str, value: float) -> Drop:
    time_s = plan.time_of(number)
    cause = {
        "undecodable": "the data there are damaged",
        "no_new_frame": "the video shows no new picture until {value:.2f} s",
        "truncated": "the video ends at {value:.2f} s, before the length that it declares",
    }[reason]
    return Drop(
        item=f"{time_s:.3f}s",
        stage="sample",
        reason=reason,
        value=value,
        bound=time_s,
        sentence=f"No frame for {time_s:.2f} s: {cause.format(value=value)}.",
    )


class StillFilter:
    """Recognises frames in which nothing has moved since the last frame that was kept.

    Compares area means on a 64 x 36 grid. Noise averages out, while a small person who fills a few
    cells still counts as movement. Compared with the last kept frame rather than the last frame, so
    that slow movement adds up.
    """

    def __init__(self, level: float):
        self._level = level
        self._last: np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None = None

    def largest_change(self, rgb: Rgb) -> float | None:
        """Return the largest change of a cell in codes 0..255; None for the first picture."""
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        cells = cast(
            "np.ndarray[tuple[int, ...], np.dtype[np.float32]]",
            cv2.resize(grey, _GRID_WH, interpolation=cv2.INTER_AREA).astype(np.float32),
        )
        change = None if self._last is None else float(np.abs(cells - self._last).max())
        if change is None or change >= self._level:
            self._last = cells
        return change

    def drop(self, item: str, change: float) -> Drop:
        """Return the drop of a still."""
        return Drop(
            item=item,
            stage="sample",
            reason="still",
            value=change,
            bound=self._level,
            sentence=f"Nothing has moved since the last frame (at most {change:.1f} of 255).",
        )

    def is_still(self, change: float | None) -> bool:
        """Say whether a change is too small to be movement."""
        return change is not None and change < self._level
