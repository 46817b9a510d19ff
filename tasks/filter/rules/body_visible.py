"""Whether the pose model sees the whole body."""

import numpy as np
from numpy.typing import NDArray

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

# COCO's keypoints: nose, eyes and ears; shoulders; hips; knees; ankles.
UPPER_BODY = (slice(0, 5), slice(5, 7), slice(11, 13))
_WHOLE_BODY = (*UPPER_BODY, slice(13, 15), slice(15, 17))


def measure(subject: Subject) -> float | None:
    """Return how surely the least visible of head, shoulders, hips, knees and ankles is seen, 0..1.

    A part is seen as surely as its keypoints are on average: visibility times presence, and nothing
    outside the picture. The least of them counts, because a body without a head is no body however
    well its legs are seen. None without a pose model.
    """
    return None if subject.seen is None else least_seen(subject.seen, _WHOLE_BODY)


def least_seen(seen: NDArray[np.float32], parts: tuple[slice, ...]) -> float:
    """Return the least, over parts, of the mean over each part's keypoints, 0..1."""
    # The mean within a part, since one ear is always hidden in profile; the least of the parts,
    # since a body lacks a part or it does not.
    return float(min(seen[part].mean() for part in parts))


RULE = Rule(
    name="body_visible",
    serves=("S7", "S8"),
    needs_mask=False,
    measure=measure,
    say="The least visible part of the body is seen with {value:.0f} %; the bound is "
    "{bound:.0f} %.",
    scale=100,
)
