"""One crop from near: what was cut out, what the models saw in it, what would be published."""

import json
from typing import Any, NamedTuple, cast

import cv2
import numpy as np

from tasks.common.errors import InputError
from tasks.common.html.pages import render_page
from tasks.common.html.pictures import jpeg_data_uri
from tasks.common.media.images import Rgb
from tasks.common.schema.tables import plain_rows
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.run_crops import Judged, Subset
from tasks.review.contact_sheet import grey_picture, picture

_HEIGHT_PX = 420
_PERSON_RGB, _OTHER_RGB, _MASK_RGB = (255, 214, 0), (255, 60, 60), (0, 255, 96)
_SEEN_RGB, _UNSEEN_RGB = (0, 190, 255), (150, 150, 150)
_SURELY_SEEN = 0.5
# COCO's keypoints that a skeleton joins.
_BONES = [(5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12), (11, 13), (13, 15),
          (12, 14), (14, 16), (0, 1), (0, 2), (1, 3), (2, 4)]  # fmt: skip

Row = dict[str, Any]


class RuleWord(NamedTuple):
    """What one rule says of the crop: value and bounds as text, verdict, sentence."""

    rule: str
    value: str
    bounds: str
    verdict: str
    sentence: str


class CloseUp(NamedTuple):
    """A crop with its pose, found in a run."""

    judged: Judged
    pose: Row | None


def find_crop(subset: Subset, crop_id: str) -> CloseUp:
    """Look up a crop by its id, or by the beginning of one if that is enough.

    Raises:
        InputError: there is none in this run, or there are several.
    """
    known = [row["crop_id"] for _, row in subset.verdicts()]
    found = [name for name in known if name == crop_id] or [
        name for name in known if crop_id and name.startswith(crop_id)
    ]
    if len(found) != 1:
        told = f"{len(found)} begin so: {', '.join(found[:5])} …" if found else "none does"
        raise InputError(
            f"No single crop {crop_id!r} in this run; of its {len(known)} crops, {told}. Crop ids "
            "stand in the report (hover over a picture), in crops.parquet and in review.csv."
        )
    judged = next(crop for crop in subset.crops() if crop.stem == found[0])
    return CloseUp(judged, _pose_of(subset, judged))


def _pose_of(subset: Subset, judged: Judged) -> Row | None:
    for outcome in subset.outcomes:
        poses = outcome.result("pose")
        if poses is not None and outcome.source == judged.source:
            rows = plain_rows(subset.workspace.items(poses))
            return next((row for row in rows if row["crop_id"] == judged.stem), None)
    return None


def render_closeup(found: CloseUp, words: list[RuleWord], workspace: Workspace) -> str:
    """Return a page with the crop's pictures and what each rule says of it."""
    judged = found.judged
    verdict = judged.verdict["verdict"]
    return render_page(
        __package__,
        "crop_page.html.j2",
        title=judged.stem,
        note=f"{judged.source.source_id}, {judged.crop['time_s']:.1f} s",
        verdict=verdict,
        sentence=judged.verdict["sentence"] or "",
        words=words,
        pictures=[
            {"picture": jpeg_data_uri(drawn, 85), "caption": caption}
            for drawn, caption in _pictures(found, workspace)
        ],
        groups=[],
    )


def _pictures(found: CloseUp, workspace: Workspace) -> list[tuple[Rgb, str]]:
    crop, matte = found.judged.crop, found.judged.matte
    rgb = picture(workspace, crop["path"])
    scale = _HEIGHT_PX / rgb.shape[0]
    size_wh = (max(1, round(rgb.shape[1] * scale)), _HEIGHT_PX)
    large = cast(Rgb, cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA))
    shown = [(_with_boxes(large, crop, scale), "yellow: the person, red: other people")]
    if found.pose is not None:
        shown.append((_with_pose(large, found.pose, scale), "blue: seen, grey: guessed"))
    if matte is not None:
        mask = grey_picture(workspace, matte["mask_path"])
        alpha = grey_picture(workspace, matte["alpha_path"])
        shown.append((_with_mask(large, mask, size_wh), "the mask"))
        grey = cv2.resize(alpha, size_wh, interpolation=cv2.INTER_AREA)
        shown.append((np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8), "the alpha"))
    return shown


def _with_boxes(large: Rgb, crop: Row, scale: float) -> Rgb:
    drawn = large.copy()
    left, top, _, _ = json.loads(crop["crop_box_xyxy"])
    boxes = [(box, _OTHER_RGB) for box in json.loads(crop["others_xyxy"])]
    for box, colour in [*boxes, (json.loads(crop["person_box_xyxy"]), _PERSON_RGB)]:
        x0, y0, x1, y1 = (
            round((value - shift) * scale)
            for value, shift in zip(box, (left, top, left, top), strict=True)
        )
        cv2.rectangle(drawn, (x0, y0), (x1, y1), colour, 2)
    return drawn


def _with_pose(large: Rgb, pose: Row, scale: float) -> Rgb:
    drawn = large.copy()
    points = [(round(x * scale), round(y * scale)) for x, y in json.loads(pose["points_xy"])]
    is_seen = [value >= _SURELY_SEEN for value in json.loads(pose["seen"])]
    for a, b in _BONES:
        colour = _SEEN_RGB if is_seen[a] and is_seen[b] else _UNSEEN_RGB
        cv2.line(drawn, points[a], points[b], colour, 2, cv2.LINE_AA)
    for point, seen in zip(points, is_seen, strict=True):
        cv2.circle(drawn, point, 4, _SEEN_RGB if seen else _UNSEEN_RGB, -1, cv2.LINE_AA)
    return drawn


def _with_mask(large: Rgb, mask: np.ndarray[Any, Any], size_wh: tuple[int, int]) -> Rgb:
    small = cv2.resize(mask, size_wh, interpolation=cv2.INTER_NEAREST)
    dimmed = np.where(small[:, :, None] == 1, large, large // 3).astype(np.uint8)
    contours, _ = cv2.findContours(small, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return cast(Rgb, cv2.drawContours(dimmed, contours, -1, _MASK_RGB, 1))
