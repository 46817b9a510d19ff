"""How well annotators agree: with hidden known masks, and with each other."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.annotate.apply import latest_of_each, mask_iou
from tasks.common.media.images import Mask
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import (
    Correction,
    media_with_corrections,
    read_corrections,
    read_mask,
)

_TOLERANCE_PX = 2  # as the instruction page asks for
# Of careful annotators within a pixel it is above 0.95, of one five pixels off below 0.5.
OFF_BELOW = 0.8


class Agreement(NamedTuple):
    """One annotator: masks, minutes a mask where known, and the means over compared masks."""

    annotator: str
    n_masks: int
    minutes: float | None
    n_compared: int
    iou: float | None
    boundary_f: float | None

    @property
    def is_off(self) -> bool:
        """Say whether the outlines are too far from those of others."""
        return self.boundary_f is not None and self.boundary_f < OFF_BELOW


class _Score(NamedTuple):
    iou: float
    boundary_f: float


def rate_annotators(workspace: Workspace) -> list[Agreement]:
    """Return the agreement of every annotator, by name.

    A hidden known mask rates the one who was given it again, by the first mask. Without one, two
    people on the same sent mask rate each other.

    Raises:
        ArtifactError: a record or mask is missing or damaged.
    """
    by_person: dict[str, list[Correction]] = defaultdict(list)
    scores: dict[str, list[_Score]] = defaultdict(list)
    for media_id in media_with_corrections(workspace):
        in_force = latest_of_each(read_corrections(workspace, media_id))
        for correction in in_force:
            by_person[correction.annotator].append(correction)
        for task in _same_tasks(in_force):
            for name, score in _compare(task, workspace):
                scores[name].append(score)
    return [_agreement(name, by_person[name], scores[name]) for name in sorted(by_person)]


def _same_tasks(corrections: Iterable[Correction]) -> list[list[Correction]]:
    """Group corrections of the same sent mask, if by several people."""
    tasks: dict[tuple[object, ...], list[Correction]] = defaultdict(list)
    for c in corrections:
        tasks[c.time_s, c.region_xyxy, c.person_xyxy, c.base_digest].append(c)
    return [task for task in tasks.values() if len({c.annotator for c in task}) > 1]


def _compare(task: Sequence[Correction], workspace: Workspace) -> Iterable[tuple[str, _Score]]:
    masks = {c.id: read_mask(workspace, c.media_id, c.mask_digest) for c in task}
    has_check = any(c.is_check for c in task)
    for rated in task:
        if has_check and not rated.is_check:
            continue  # the known mask is the measure, not what is measured
        others = [masks[c.id] for c in task if c.annotator != rated.annotator and not c.is_check]
        for other in others:
            own = masks[rated.id]
            yield rated.annotator, _Score(mask_iou(own, other), boundary_f(own, other))


def _agreement(name: str, corrections: Sequence[Correction], scores: Sequence[_Score]) -> Agreement:
    minutes = [c.minutes for c in corrections if c.minutes is not None]
    return Agreement(
        annotator=name,
        n_masks=len(corrections),
        minutes=round(fmean(minutes), 2) if minutes else None,
        n_compared=len(scores),
        iou=round(fmean(score.iou for score in scores), 4) if scores else None,
        boundary_f=round(fmean(score.boundary_f for score in scores), 4) if scores else None,
    )


def boundary_f(first: Mask, second: Mask, tolerance_px: int = _TOLERANCE_PX) -> float:
    """Return the F measure of two outlines, 0..1 (Perazzi et al., CVPR 2016, section 4.2).

    Precision and recall are the shares of one outline within a tolerance of the other.
    """
    a, b = _outline(first), _outline(second)
    if not a.any() or not b.any():
        return float(a.any() == b.any())
    precision, recall = _share_near(a, b, tolerance_px), _share_near(b, a, tolerance_px)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _outline(mask: Mask) -> NDArray[np.bool_]:
    """Return the pixels of the mask that touch the outside; the border of the picture counts."""
    person = np.pad((mask == 1).astype(np.uint8), 1)
    inner = cv2.erode(person, np.ones((3, 3), np.uint8))
    return np.asarray((person != inner)[1:-1, 1:-1], bool)


def _share_near(outline: NDArray[np.bool_], other: NDArray[np.bool_], tolerance_px: int) -> float:
    distance = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, 5)
    return float(np.count_nonzero(distance[outline] <= tolerance_px) / np.count_nonzero(outline))
