"""One real person whom every rule keeps, and for each rule what makes that rule drop them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.records import Source
from tasks.filter.subject import Subject
from tests.filter.builders import SOURCE, Box, Picture, make_pose, make_subject
from tests.filter.pictures import PEOPLE, doubled, out_of_focus, photo, shot

Cut = tuple[int, int, int, int]

# Traced by eye in bus.jpg, in its px.
_OUTLINES = {
    "dark coat": [
        (286, 406), (270, 408), (264, 415), (263, 443), (274, 467), (258, 488), (230, 510),
        (237, 554), (234, 584), (241, 601), (225, 696), (243, 703), (243, 746), (258, 821),
        (256, 845), (270, 857), (292, 856), (283, 822), (299, 816), (284, 778), (332, 732),
        (340, 716), (322, 568), (338, 564), (343, 541), (330, 490), (301, 472), (307, 431),
        (301, 413),
    ],
    "light coat": [
        (105, 425), (103, 408), (118, 400), (140, 398), (155, 405), (158, 420), (155, 445),
        (152, 467), (174, 492), (186, 533), (200, 555), (200, 583), (179, 600), (193, 687),
        (180, 693), (185, 780), (200, 847), (245, 880), (243, 890), (205, 898), (178, 897),
        (178, 865), (150, 758), (133, 714), (121, 701), (107, 765), (91, 800), (85, 860),
        (105, 886), (105, 898), (69, 895), (53, 885), (61, 800), (74, 734), (73, 701), (62, 701),
        (59, 686), (65, 581), (58, 557), (63, 547), (62, 501), (67, 489), (97, 465),
    ],
}  # fmt: skip
# In COCO's order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left first.
_JOINTS = {
    "dark coat": [
        (291, 450), (300, 441), (280, 442), (308, 447), (270, 449), (328, 497), (248, 506),
        (333, 557), (251, 585), (283, 527), (264, 645), (307, 632), (261, 632), (314, 723),
        (267, 728), (280, 800), (265, 822),
    ],
    "light coat": [
        (140, 441), (149, 432), (128, 430), (155, 438), (115, 435), (170, 494), (91, 493),
        (195, 560), (94, 568), (151, 553), (167, 563), (154, 650), (100, 650), (162, 760),
        (95, 760), (190, 855), (80, 865),
    ],
}  # fmt: skip
N_POINTS = 17
LEGS = slice(13, 17)
HEAD = slice(0, 5)


@dataclass(frozen=True)
class Example:
    """A picture of a person with all that models would say of it, in px of the picture."""

    rgb: Picture
    person: Box
    mask: Picture
    points: NDArray[np.float32]
    seen: NDArray[np.float32]
    pose_mask: Picture
    alpha: Picture
    tight: Cut
    others: tuple[Box, ...] = ()
    confidence: float = 0.9
    projection: str = "flat"
    frame_wh: tuple[int, int] | None = None
    crop_at: Cut | tuple[int, int] = (0, 0)
    source: Source = SOURCE

    def changed(self, **changes: Any) -> "Example":
        """Return the same with other facts."""
        return replace(self, **changes)

    def subject(self, root: Path) -> Subject:
        """Return what the rules see of it."""
        height, width = self.rgb.shape[:2]
        seen = [float(value) for value in self.seen]
        left, top = self.crop_at[:2]
        x0, y0, x1, y1 = self.person
        return make_subject(
            root,
            rgb=self.rgb,
            frame_wh=self.frame_wh or (width, height),
            crop_at=(left, top),
            person=(x0 + left, y0 + top, x1 + left, y1 + top),
            others=list(self.others),
            mask=self.mask,
            alpha=self.alpha,
            tight=self.tight,
            confidence=self.confidence,
            projection=self.projection,
            pose=make_pose(root, points=self.points, seen=seen, mask=self.pose_mask),
        )


def example(name: str, cut: Cut) -> Example:
    """Cut a person out of bus.jpg; `cut` is in px of the photo, as all boxes here are."""
    source, box = PEOPLE[name]
    x0, y0, x1, y1 = cut
    move = np.array([x0, y0])
    mask = np.zeros(photo(source).shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(_OUTLINES[name], np.int32)], 1)
    mask = mask[y0:y1, x0:x1]
    return Example(
        rgb=photo(source)[y0:y1, x0:x1],
        person=_moved(box, move),
        mask=mask,
        points=np.array(_JOINTS[name], np.float32) - move,
        seen=np.ones(N_POINTS, np.float32),
        pose_mask=cv2.dilate(mask, np.ones((3, 3), np.uint8)) * 255,
        alpha=cv2.GaussianBlur(mask * 255, (0, 0), 1.0),
        tight=tight_around(mask),
        others=tuple(_moved(other, move) for who, (where, other) in PEOPLE.items()
                     if where == source and who != name),
    )  # fmt: skip


def _moved(box: Cut, by: NDArray[np.int64]) -> Box:
    return tuple((np.array(box).reshape(2, 2) - by).ravel().tolist())


def tight_around(mask: Picture) -> Cut:
    x, y, width, height = cv2.boundingRect(mask)
    extra = round(0.04 * max(width, height))
    rows, columns = mask.shape
    return (
        max(0, x - extra), max(0, y - extra), min(columns, x + width + extra),
        min(rows, y + height + extra),
    )  # fmt: skip


GOOD_CUT = (134, 314, 436, 951)


def good() -> Example:
    """Return the man in the dark coat: whole, crisp, nearly alone."""
    return example("dark coat", GOOD_CUT)
