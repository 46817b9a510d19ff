"""Whether the person is there twice, slightly displaced: a double exposure or a stitching fault."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.filter.blur import loss_to_blur
from tasks.filter.image_ops import Grey, blurred, gradients, reaching
from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

# Higher than for sharpness: a copy at 3 % of the height must be some px away from the edge.
_HEIGHT_PX = 192
_SURROUNDINGS = 0.1  # a second copy reaches beyond the box
# The weight reaches beyond the person, where a second copy shows, and ends softly: a hard edge of
# the weight would be an edge of the picture itself.
_REACH_PX = 9
_SOFT_EDGE_PX = 2.5
# Holds the person with surroundings, and as much again to pad; a power of two for the FFT.
_CANVAS_PX = 512
# How far a copy may stand off, as shares of the person's height. Nearer ones look like blur,
# farther ones like a second person.
_NEAREST, _FARTHEST = 0.03, 0.15
_ENVELOPE = 6.0  # frequency bins over which the spectrum is levelled
_FLOOR = 1e-3  # share of the mean power below which a frequency holds no picture
# A peak is the difference of two Gaussians, which ignores slow slopes of the autocorrelation.
_PEAK_PX, _AROUND_PX = 1.0, 3.0
_LEAST_POWER = 1e-3


def measure(subject: Subject) -> float | None:
    """Return how strongly the person's edges repeat themselves at a distance, about 0..0.5.

    The autocorrelation of the gradient field on the person at a height of 192 px, with its spectrum
    levelled by its own envelope first: that takes out what blur and the shapes of a body do to all
    distances alike, and leaves a displaced copy as a narrow peak. The value is the highest such
    peak between 3 % and 15 % of the person's height, over the one at zero. The two ends of a motion
    smear make such a peak too, but only a smear is crisp across and blurred along, so the peak
    counts less by as much as edges are less crisp in one direction than in the other. An even
    double exposure gives 0.1 to 0.3, a weak one (30 %) 0.06 to 0.15, single pictures 0.02 to 0.05.
    None where there is no edge.
    """
    loss = loss_to_blur(subject)
    if loss is None or loss.most <= 0:
        return None
    grey, weight = subject.person_at(_HEIGHT_PX, _SURROUNDINGS)
    power = _gradient_power(grey, blurred(reaching(weight, _REACH_PX), _SOFT_EDGE_PX))
    if power.mean() < _LEAST_POWER:
        return None
    # Whitening with the smoothed spectrum, as in phase correlation, where it is 1 / |F|. The floor
    # keeps frequencies without a picture from becoming noise at full strength.
    level = cv2.GaussianBlur(power, (0, 0), _ENVELOPE, borderType=cv2.BORDER_REFLECT)
    repeats = np.fft.irfft2(power / (level + _FLOOR * level.mean()))
    centred = np.fft.fftshift(repeats).astype(np.float32)
    peak = blurred(centred, _PEAK_PX)
    around = blurred(centred, _AROUND_PX)
    middle = _CANVAS_PX // 2
    # The peak at zero is the energy of the edges themselves, so the quotient has no unit.
    at_zero = float(peak[middle, middle] - around[middle, middle])
    # A dip is surrounded by what looks like peaks, hence also above zero.
    height = np.minimum(peak - around, peak)[_ring()]
    if at_zero <= 0:
        return None
    return max(0.0, float(height.max())) / at_zero * max(0.0, loss.least) / loss.most


def _gradient_power(grey: Grey, weight: Grey) -> Grey:
    """Return the power spectrum of the weighted gradients, padded to the canvas.

    The inverse transform of a power spectrum is the autocorrelation (Wiener and Khinchin). Padding
    keeps displacements from wrapping around the borders.
    """
    power = np.zeros((_CANVAS_PX, _CANVAS_PX // 2 + 1))
    for gradient in gradients(grey):
        cut = (gradient * weight)[:_CANVAS_PX, :_CANVAS_PX]
        power += np.abs(np.fft.rfft2(cut, (_CANVAS_PX, _CANVAS_PX))) ** 2
    return power.astype(np.float32)


@cache
def _ring() -> NDArray[np.bool_]:
    """Return the displacements at which a copy is searched, as a mask of the canvas."""
    ys, xs = np.mgrid[:_CANVAS_PX, :_CANVAS_PX] - _CANVAS_PX // 2
    distance = np.hypot(ys, xs) / _HEIGHT_PX
    ring: NDArray[np.bool_] = (distance >= _NEAREST) & (distance <= _FARTHEST)
    return ring


RULE = Rule(
    name="ghosting",
    serves=("S12",),
    needs_mask=False,
    measure=measure,
    say="The person's edges come a second time, {value:.1f} % as strong; the bound is "
    "{bound:.1f} %.",
    scale=100,
)
