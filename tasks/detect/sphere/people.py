"""People in a sphere: their outlines as directions, and finding out which of them are the same."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.common.schema.boxes import Box
from tasks.common.sphere.directions import Array, axes_towards

# Two boxes show one person where they overlap so much; of a box that a border cuts, more of the
# smaller one.
_SAME_IOU, SAME_PART = 0.45, 0.6
_ALONG = (0.25, 0.5, 0.75)  # where on each side of a box its outline is taken


class SpherePerson(NamedTuple):
    """A person in a sphere: unit vectors (12, 3) along the sides of their box, and confidence.

    The sides come in the order top, bottom, left, right. `is_cut`: a border of the view cuts them.
    """

    outline: Array
    confidence: float
    is_cut: bool = False

    @property
    def centre(self) -> Array:
        """The unit vector of the middle, between the left and the right side."""
        middle: Array = self.outline[6:].mean(axis=0)
        return middle / np.linalg.norm(middle)

    @property
    def extent_deg(self) -> tuple[float, float]:
        """The angles from side to side and from top to bottom, in degrees."""
        box = around(self.centre, self.outline)
        return box.width, box.height


def around(centre: Array, directions: Array) -> Box:
    """Return the box of directions in degrees right of and below a centre, wherever it is.

    Distances from the centre are kept (azimuthal equidistant), so neither poles nor the border of
    the picture matter.
    """
    rays = directions @ axes_towards(centre).matrix.T
    angle = np.degrees(np.arccos(np.clip(rays[:, 2], -1, 1)))
    far = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-12)
    xs, ys = angle * rays[:, 0] / far, -angle * rays[:, 1] / far
    return Box(float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()))


def outline_places(box: Box) -> tuple[Array, Array]:
    """Return twelve places along the sides of a box: top, bottom, left, right.

    Not its corners: where a person is not, a tall box high up reaches far around the pole.
    """
    xs = [box.x0 + share * box.width for share in _ALONG]
    ys = [box.y0 + share * box.height for share in _ALONG]
    return (
        np.array([*xs, *xs, *[box.x0] * len(ys), *[box.x1] * len(ys)]),
        np.array([*[box.y0] * len(xs), *[box.y1] * len(xs), *ys, *ys]),
    )


def merge(seen: Sequence[SpherePerson]) -> list[SpherePerson]:
    """Return each person once: whole boxes before cut ones, then the surest."""
    kept: list[SpherePerson] = []
    for person in sorted(seen, key=lambda person: (person.is_cut, -person.confidence)):
        for known in kept:
            iou, part = overlap(known, person)
            if iou >= _SAME_IOU or (person.is_cut and part >= SAME_PART):
                break
        else:
            kept.append(person)
    return kept


def overlap(a: SpherePerson, b: SpherePerson) -> tuple[float, float]:
    """Return intersection over union, and over the smaller of the two."""
    if float(a.centre @ b.centre) <= 0:
        return 0.0, 0.0
    one, other = around(a.centre, a.outline), around(a.centre, b.outline)
    smaller = min(one.area, other.area)
    return one.iou(other), one.intersection(other).area / smaller if smaller > 0 else 0.0
