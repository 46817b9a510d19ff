"""The share of the person's gradient energy that a slight blur removes, by direction."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.filter.image_ops import Grey, blurred, gradients, reaching
from tasks.filter.subject import Subject

# Persons are compared at this height, so that a large blurred one cannot beat a small crisp one.
_HEIGHT_PX = 128
# Standard deviation of the Gaussian. At this height a crisp edge is about one px wide: such a blur
# takes most of its energy, and little of what an edge has that is blurred already.
_BLUR_PX = 1.5
_REACH_PX = 5  # so that the outline itself counts
_LEAST_ENERGY = 0.25  # mean squared grey levels a px; a flat wall has less
# A direction with less than this share of all energy has too few edges to judge by.
_FEW_EDGES = 0.01


class Loss(NamedTuple):
    """The share of gradient energy that the blur takes, in the directions of least and most."""

    least: float
    most: float


def loss_to_blur(subject: Subject) -> Loss | None:
    """Compare the person's gradients with those of the picture slightly blurred, 0..1 each.

    The gradients' second moments (structure tensors) are taken on the person's own pixels at a
    height of 128 px: A as they are, B after a Gaussian blur of 1.5 px. Along a direction u the
    share that is left is uBu / uAu, so least and most left are the generalised eigenvalues of
    (B, A).
    None where the person is flat, because then there is no edge to judge.
    """
    grey, weight = subject.person_at(_HEIGHT_PX)
    # The outline counts, since clothes of one colour have no other edges.
    on_person = reaching(weight, _REACH_PX)
    before = _moments(grey, on_person)
    energy = float(np.trace(before))
    if energy < _LEAST_ENERGY * float(on_person.sum()):
        return None
    # The same weight for both: energy that the blur spreads beyond the person is lost on purpose.
    after = _moments(blurred(grey, _BLUR_PX), on_person)
    # The small multiple of the identity keeps directions without edges from dividing by zero; there
    # little is left, and the loss counts as large.
    # `eigvals` of a product of symmetric matrices that is not itself symmetric: rounding may give
    # tiny imaginary parts, hence `real`.
    left = np.linalg.eigvals(np.linalg.solve(before + _FEW_EDGES * energy * np.eye(2), after)).real
    return Loss(float(1.0 - left.max()), float(1.0 - left.min()))


def _moments(grey: Grey, weight: Grey) -> NDArray[np.float64]:
    dx, dy = (part.astype(np.float64) for part in gradients(grey))
    xx, xy, yy = ((weight * a * b).sum() for a, b in ((dx, dx), (dx, dy), (dy, dy)))
    return np.array([[xx, xy], [xy, yy]])
