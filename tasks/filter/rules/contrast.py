"""Whether the person stands out from what surrounds them."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Mask
from tasks.filter.image_ops import Grey, blurred, narrowed, widened
from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

_BAND = 0.015  # width of the bands inside and outside the outline, as a share of the box's height
_LEAST_BAND_PX = 2
_LEAST_WEIGHT = 0.05  # of a band's pixels nearby; below it their mean is not reliable


def measure(subject: Subject) -> float | None:
    """Return the median difference between the colours just inside and just outside the mask.

    Along the outline, in CIE 1976 units of colour difference in L*a*b*: about 2 is the least that
    an eye tells apart, 100 is black beside white. Where the picture ends there is no outside. None
    where no outline has both sides.
    """
    mask = subject.mask
    if mask is None or not mask.any():
        return None
    # From the person's size, so that the same scene gives the same value at another resolution.
    reach = max(_LEAST_BAND_PX, round(_BAND * subject.person_height_px))
    inside, outside = mask - narrowed(mask, reach), widened(mask, reach) - mask
    # Floats in 0..1 give L* in 0..100; 8-bit Lab would be scaled and rounded.
    lab = cast(Grey, cv2.cvtColor(subject.rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2Lab))
    within, has_within = _local_mean(lab, inside, reach)
    beyond, has_beyond = _local_mean(lab, outside, reach)
    outline = (mask - narrowed(mask, 1) == 1) & has_within & has_beyond
    if not outline.any():
        return None
    # The median: a person may have the colour of the background along a part of the outline.
    return float(np.median(np.linalg.norm(within - beyond, axis=2)[outline]))


def _local_mean(lab: Grey, band: Mask, reach: int) -> tuple[Grey, NDArray[np.bool_]]:
    """Return the mean colour of the band's pixels near each pixel, and where there are any."""
    weight = band.astype(np.float32)
    # A normalised convolution (Knutsson and Westin 1993): pixels outside of the band do not count.
    total = blurred(weight, reach)
    colour = blurred(lab * weight[..., None], reach) / np.maximum(total, _LEAST_WEIGHT)[..., None]
    return colour.astype(np.float32), total > _LEAST_WEIGHT


RULE = Rule(
    name="contrast",
    serves=("S12",),
    needs_mask=True,
    measure=measure,
    say="Inside and outside of the outline differ by {value:.1f} ΔE; the bound is {bound:.1f} ΔE.",
)
