"""Histograms as SVG text: the same bytes on every machine, readable on light and dark pages."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.common.html.pages import render_page

# About the number of bars and ticks that stay legible at the width of a card.
_BINS = 24
_TICKS = 6
_STEPS = (1, 2, 2.5, 5, 10)


class Histogram(NamedTuple):
    """Counts of values in bins of one width; bin i begins at `low + i * step`."""

    low: float
    step: float
    counts: list[int]


def histogram(values: Sequence[float], low: float, high: float | None = None) -> Histogram:
    """Count values in bins of a round width from `low` to `high`, else to the largest value."""
    top = max([*values, low + 1e-9]) if high is None else high
    # 1e-9 here and below: decimal widths such as 0.1 have no exact binary value, so a quotient that
    # should be whole may lie just above or below it.
    step = _round_up((top - low) / _BINS)
    n_bins = max(1, int(np.ceil((top - low) / step - 1e-9)))
    # `np.histogram` counts a value on the last edge in the bin before it. One more bin keeps a
    # largest value that is a multiple of the step in a bin that begins with it.
    if high is None and low + n_bins * step <= top:
        n_bins += 1
    counts, _ = np.histogram(values, n_bins, (low, low + n_bins * step))
    return Histogram(low, step, counts.tolist())


def _round_up(width: float) -> float:
    """Return the next width that people would choose: 1, 2, 2.5 or 5 of a power of ten."""
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(step * power for step in _STEPS if step * power >= width * (1 - 1e-9)))


def draw(bins: Histogram, title: str, unit: str) -> bytes:
    """Return the histogram as an SVG picture, with its title in it."""
    n_bins = len(bins.counts)
    ticks = [
        (number / n_bins, f"{bins.low + number * bins.step:g}")
        for number in range(0, n_bins + 1, -(-n_bins // _TICKS))
    ]
    text = render_page(
        __package__,
        "histogram.svg.j2",
        title=title,
        unit=unit,
        counts=bins.counts,
        most=max(1, *bins.counts),
        ticks=ticks,
    )
    return text.encode()
