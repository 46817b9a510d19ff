"""Whether the lens bent the person."""

import numpy as np
from numpy.typing import NDArray

from tasks.common.sphere.views import box_stretch
from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

# Lengths as shares of a person's height, between joints (Drillis and Contini 1966, as tabulated by
# Winter, Biomechanics and Motor Control of Human Movement; torso from shoulder to hip).
_SEGMENTS = {
    (5, 7): 0.186, (6, 8): 0.186,  # upper arms
    (7, 9): 0.146, (8, 10): 0.146,  # forearms
    (5, 11): 0.288, (6, 12): 0.288,  # sides of the torso
    (11, 13): 0.245, (12, 14): 0.245,  # thighs
    (13, 15): 0.246, (14, 16): 0.246,  # shanks
}  # fmt: skip
# More likely visible than not; a guessed joint would make a segment of any length.
_SURELY_SEEN = 0.5
# Of ten: more than half, so that the median is the length of an undistorted segment.
_LEAST_SEGMENTS = 6
# Points per side: the stretch is smooth, so a coarse grid is enough.
_GRID = 9
_STEEPEST = 0.01  # cosine; at the poles the stretch has no end


def measure(subject: Subject) -> float | None:
    """Return how far the picture stretches the person in one direction; 1 is undistorted.

    A view out of a sphere is measured as it is published: the mean over the box of the local ratio
    between its two directions, which follows from its field of view. In equirectangular and fisheye
    frames without a view the ratio follows from where the person is: the mean over
    the box of the local ratio between the two directions, 1 / cos(latitude) or t / sin(t) for an
    angle t off the axis of an equidistant fisheye whose circle of 180 degrees fills the frame's
    height. In flat ones the angle is unknown, so the body is measured: the longest limb segment
    in view over the median, each as a share of what anatomy gives it. That one is weak, since
    foreshortening looks alike. None where fewer than six segments are in view.
    """
    crop = subject.crop
    if crop.view is not None:
        return float(box_stretch(crop.view, crop.frame_size_wh, crop.person_box_xyxy).mean())
    if subject.crop.projection in ("equirectangular", "fisheye"):
        return _stretch(subject)
    if subject.points_xy is None or subject.seen is None:
        return None
    lengths = [
        float(np.hypot(*(subject.points_xy[a] - subject.points_xy[b]))) / share
        for (a, b), share in _SEGMENTS.items()
        if min(subject.seen[a], subject.seen[b]) >= _SURELY_SEEN
    ]
    middle = float(np.median(lengths)) if len(lengths) >= _LEAST_SEGMENTS else 0.0
    return max(lengths) / middle if middle > 0 else None


def _stretch(subject: Subject) -> float:
    """Return the mean local stretch over a grid of points in the person's box."""
    box = subject.crop.person_box_xyxy
    width, height = subject.crop.frame_size_wh
    xs, ys = np.meshgrid(np.linspace(box.x0, box.x1, _GRID), np.linspace(box.y0, box.y1, _GRID))
    if subject.crop.projection == "equirectangular":
        # The frame's height is 180 degrees, with the horizon in the middle.
        latitude = (0.5 - ys / height) * np.pi
        return float((1.0 / np.maximum(np.cos(latitude), _STEEPEST)).mean())
    radius: NDArray[np.float64] = np.hypot(xs - width / 2, ys - height / 2) / (height / 2)
    # 1e-6 keeps t / sin(t) from 0 / 0 on the axis; beyond the circle there is no picture.
    angle = np.clip(radius, 1e-6, 1.0) * np.pi / 2
    return float((angle / np.sin(angle)).mean())


RULE = Rule(
    name="distortion",
    serves=("S10",),
    needs_mask=False,
    measure=measure,
    say="The person is stretched {value:.2f} times in one direction; the bound is {bound:.2f}.",
)
