"""One real person with all that models say of a crop, made by hand, to be damaged at will."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.records import Projection, Source
from tasks.common.schema.rows import MeasuredCrop
from tasks.common.similarity.picture_hash import hash_picture
from tasks.filter.rules import RULES
from tasks.filter.subject import Subject
from tests.filter.builders import N_POINTS, SOURCE, Corners, Picture, make_pose, make_subject
from tests.filter.pictures import PEOPLE, out_of_focus, photo

Cut = tuple[int, int, int, int]

# The man in the light coat, traced by eye in bus.jpg, in its px.
_WHO = "light coat"
_OUTLINE = [
    (105, 425), (103, 408), (118, 400), (140, 398), (155, 405), (158, 420), (155, 445), (152, 467),
    (174, 492), (186, 533), (200, 555), (200, 583), (179, 600), (193, 687), (180, 693), (185, 780),
    (200, 847), (245, 880), (243, 890), (205, 898), (178, 897), (178, 865), (150, 758), (133, 714),
    (121, 701), (107, 765), (91, 800), (85, 860), (105, 886), (105, 898), (69, 895), (53, 885),
    (61, 800), (74, 734), (73, 701), (62, 701), (59, 686), (65, 581), (58, 557), (63, 547),
    (62, 501), (67, 489), (97, 465),
]  # fmt: skip
# In COCO's order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left first.
_JOINTS = [
    (140, 441), (149, 432), (128, 430), (155, 438), (115, 435), (170, 494), (91, 493), (195, 560),
    (94, 568), (151, 553), (167, 563), (154, 650), (100, 650), (162, 760), (95, 760), (190, 855),
    (80, 865),
]  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A picture of a person with all that models would say of it, in px of the picture."""

    rgb: Picture
    person: Corners
    points: NDArray[np.floating[Any]]
    mask: Picture
    others: tuple[Corners, ...] = ()
    objects: tuple[Corners, ...] = ()
    seen: tuple[float, ...] = (1.0,) * N_POINTS
    alpha: Picture | None = None
    pose_mask: Picture | None = None
    tight: Cut | None = None
    confidence: float = 0.9
    projection: Projection = "flat"
    frame_wh: tuple[int, int] | None = None
    crop_at: tuple[int, int] = (0, 0)
    source: Source = SOURCE

    def but(self, **changes: Any) -> "Example":
        """Return the same with other facts."""
        return replace(self, **changes)

    def subject(self, root: Path) -> Subject:
        """Return what the rules see; what no model said is taken from the mask."""
        height, width = self.rgb.shape[:2]
        by_pose = self.mask * 255 if self.pose_mask is None else self.pose_mask
        sure = out_of_focus(self.mask * 255, 1.0)
        pose = make_pose(root, points=self.points, seen=self.seen, mask=by_pose)
        return make_subject(
            root,
            rgb=self.rgb,
            frame_wh=self.frame_wh or (width, height),
            crop_at=self.crop_at,
            person=moved(self.person, *self.crop_at),
            others=[moved(other, *self.crop_at) for other in self.others],
            objects=[moved(thing, *self.crop_at) for thing in self.objects],
            mask=self.mask,
            alpha=sure if self.alpha is None else self.alpha,
            tight=tight_around(self.mask) if self.tight is None else self.tight,
            confidence=self.confidence,
            projection=self.projection,
            pose=pose,
        )


def moved(box: Corners, right: float, down: float) -> Corners:
    """Shift a box."""
    return box[0] + right, box[1] + down, box[2] + right, box[3] + down


def tight_around(mask: Picture) -> Cut:
    """Return the box around the mask with a margin, as the matting stage does."""
    x, y, width, height = cv2.boundingRect(mask)
    extra = round(0.04 * max(width, height))
    rows, columns = mask.shape
    right, below = min(columns, x + width + extra), min(rows, y + height + extra)
    return max(0, x - extra), max(0, y - extra), right, below


def cut_out(cut: Cut = (0, 299, 347, 1003)) -> Example:
    """Return the man as one sees him in this part of the photo, which is taken for the frame."""
    source, box = PEOPLE[_WHO]
    x0, y0, x1, y1 = cut
    mask = np.zeros(photo(source).shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(_OUTLINE, np.int32)], 1)
    neighbours = [
        other for who, (where, other) in PEOPLE.items() if where == source and who != _WHO
    ]
    return Example(
        rgb=photo(source)[y0:y1, x0:x1],
        person=moved(box, -x0, -y0),
        points=np.array(_JOINTS, np.float32) - (x0, y0),
        mask=mask[y0:y1, x0:x1],
        others=tuple(moved(other, -x0, -y0) for other in neighbours),
    )


def smaller(whole: Example, times: float, sideways: float = 1.0) -> Example:
    """Return the same in fewer px; `sideways` stretches it across."""
    across = times * sideways
    x0, y0, x1, y1 = whole.person
    size_wh = (round(whole.rgb.shape[1] * across), round(whole.rgb.shape[0] * times))
    return whole.but(
        rgb=cv2.resize(whole.rgb, size_wh, interpolation=cv2.INTER_AREA),
        mask=cv2.resize(whole.mask, size_wh, interpolation=cv2.INTER_NEAREST),
        person=(x0 * across, y0 * times, x1 * across, y1 * times),
        points=whole.points * (across, times),
        others=(),
    )


def measured(example: Example, root: Path, name: str, *, matted: bool) -> MeasuredCrop:
    """Return the measures of an example, by the rules that need a mask only when `matted`."""
    subject = example.subject(root)
    measures: dict[str, float | None] = dict.fromkeys(RULES)
    for rule in RULES.values():
        if rule.measure is not None and (matted or not rule.needs_mask):
            measures[rule.name] = rule.measure(subject)
    for rule in RULES.values():
        if rule.derive is not None and matted:
            measures[rule.name] = rule.derive(measures)
    return MeasuredCrop(name, measures, *hash_picture(subject.rgb))
