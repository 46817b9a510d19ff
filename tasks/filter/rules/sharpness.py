"""Whether edges on the person are crisp, whatever the resolution and the light."""

import cv2
import numpy as np

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

# Persons are compared at this height, so that a large blurred one cannot beat a small crisp one.
_CANONICAL_HEIGHT_PX = 192
_FLAT_VARIANCE = 4.0


def measure(subject: Subject) -> float | None:
    """Return the gradient energy of the person's box over its variance, per px squared.

    The Tenengrad focus measure (Krotkov 1987: mean squared Sobel gradient), here with the Sobel
    operator scaled to a derivative per px, taken at a canonical height of 192 px, and divided by
    the variance of the grey values so that contrast and light cancel out. None where the box is
    flat, because then there is no edge to judge.
    """
    grey = cv2.cvtColor(subject.person_pixels, cv2.COLOR_RGB2GRAY)
    scale = _CANONICAL_HEIGHT_PX / grey.shape[0]
    size_wh = (max(3, round(grey.shape[1] * scale)), _CANONICAL_HEIGHT_PX)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    at_scale = cv2.resize(grey, size_wh, interpolation=how).astype(np.float32)
    variance = float(at_scale.var())
    if variance < _FLAT_VARIANCE:
        return None
    dx = cv2.Sobel(at_scale, cv2.CV_32F, 1, 0, scale=1 / 8)
    dy = cv2.Sobel(at_scale, cv2.CV_32F, 0, 1, scale=1 / 8)
    return float((dx**2 + dy**2).mean()) / variance


RULE = Rule(
    name="sharpness",
    unit="1/px²",
    serves=("S12",),
    needs_mask=False,
    measure=measure,
    say="The person's edges have an energy of {value:.3f}; the bound is {bound:.3f}: "
    "blurred or too small.",
)
