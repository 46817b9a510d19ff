"""Crops with a known person, for the rules to measure, and measures for the bounds to judge."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.common.files import write_file
from tasks.common.media.images import encode_png
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Source
from tasks.common.schema.columns import columns_of, decode_row, encode_row
from tasks.common.schema.rows import Crop, JudgedCrop, Matte, MeasuredCrop, Pose
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.workspace.artifacts import Workspace
from tasks.filter.judge import judge_source
from tasks.filter.subject import Subject

Box = tuple[float, float, float, float]
Picture = NDArray[np.uint8]
Row = dict[str, Any]
R = TypeVar("R")

SOURCE = Source(source_id="clip", uri="clip.mp4", scenes=("park",), licence="CC-BY-4.0")
FRAME_WH = (400, 300)
N_POINTS = 17

# A crop that every bound one may think of lets through.
GOOD: Row = {
    "crop_id": "c",
    "person_height_px": 200.0,
    "detector_confidence": 0.9,
    "frame_cut": 0.0,
    "person_overlap": 0.0,
    "body_visible": 0.9,
    "upper_body_visible": 0.95,
    "sharpness": 0.7,
    "ghosting": 0.02,
    "exposure": 0.0,
    "distortion": 1.1,
    "near_duplicate": None,
    "mask_whole": 1.0,
    "subject_share": 0.5,
    "frame_cut_mask": 0.0,
    "person_overlap_mask": 0.0,
    "contrast": 40.0,
    "mask_certainty": 0.8,
    "mask_agreement": 0.95,
    "keypoints_in_mask": 1.0,
    "hash": "0123456789abcdef",
    "mirror_hash": "fedcba9876543210",
}
assert set(MEASURED_RULES) < set(GOOD)


def bounds_of(**rules: Any) -> RuleBounds:
    """Return bounds for these rules and for no others."""
    return RuleBounds.model_validate(rules)


def judge_rows(
    rows: Sequence[Row], source: Source, bounds: RuleBounds, matted: Collection[str] = ()
) -> list[Row]:
    """Judge measures, of which each test changes a few columns, and return the verdict rows."""
    measured = [decode_row(MeasuredCrop, row) for row in rows]
    return [encode_row(crop) for crop in judge_source(measured, source, bounds, matted)]


def judged_crops(rows: Sequence[Row]) -> list[JudgedCrop]:
    """Return verdict rows as the filter reads them."""
    return [decode_row(JudgedCrop, row) for row in rows]


def mask_of(*boxes: tuple[int, int, int, int]) -> Picture:
    """Return a mask of the whole frame with 1 inside these boxes."""
    mask = np.zeros(FRAME_WH[::-1], np.uint8)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = 1
    return mask


def plain_picture(level: int | tuple[int, int, int]) -> Picture:
    """Return a frame of one colour."""
    return np.full((FRAME_WH[1], FRAME_WH[0], 3), level, np.uint8)


def make_pose(
    root: Path,
    *,
    points: NDArray[np.floating[Any]] | list[tuple[float, float]] | None = None,
    seen: list[float] | None = None,
    mask: Picture | None = None,
) -> Row:
    """Return a row of the poses table; `mask` holds the codes 0..255 that the model would write."""
    places = (
        [(0.0, 0.0)] * N_POINTS if points is None else [(float(x), float(y)) for x, y in points]
    )
    row: Row = {"points_xy": json.dumps(places), "mask_path": None}
    row["seen"] = json.dumps([1.0] * N_POINTS if seen is None else seen)
    return row if mask is None else row | {"mask_path": _write(root, "pose.png", mask)}


def make_subject(
    root: Path,
    *,
    frame_wh: tuple[int, int] = FRAME_WH,
    crop_at: tuple[int, int] = (0, 0),
    person: Box = (100, 50, 200, 250),
    others: list[Box] | None = None,
    rgb: Picture | None = None,
    mask: Picture | None = None,
    alpha: Picture | None = None,
    second_alpha: Picture | None = None,
    tight: tuple[int, int, int, int] | None = None,
    confidence: float = 0.9,
    projection: str = "flat",
    pose: Row | None = None,
) -> Subject:
    """Build a subject whose crop is the whole frame, unless its pixels say otherwise.

    Then crop and frame share coordinates. A picture smaller than the frame lies in it at `crop_at`.
    `alpha` and `second_alpha` are codes 0..255; without one the alpha is as sure as the mask.
    """
    pixels = np.zeros((frame_wh[1], frame_wh[0], 3), np.uint8) if rgb is None else rgb
    (height, width), (left, top) = pixels.shape[:2], crop_at
    crop: Row = {
        "crop_id": "c",
        "confidence": confidence,
        "frame_size_wh": json.dumps(frame_wh),
        "projection": projection,
        "person_box_xyxy": json.dumps(person),
        "crop_box_xyxy": json.dumps([left, top, left + width, top + height]),
        "others_xyxy": json.dumps(others or []),
        "path": _write(root, "crop.png", pixels),
    }
    typed_pose = None if pose is None else _typed(Pose, pose)
    if mask is None:
        return Subject(Workspace(root), _typed(Crop, crop), typed_pose)
    matte: Row = {
        "mask_path": _write(root, "mask.png", mask),
        "alpha_path": _write(root, "alpha.png", mask * 255 if alpha is None else alpha),
        "tight_box_xyxy": json.dumps(tight or (0, 0, width, height)),
        "second_path": None,
    }
    if second_alpha is not None:
        matte["second_path"] = _write(root, "second.png", second_alpha)
    return Subject(Workspace(root), _typed(Crop, crop), typed_pose, _typed(Matte, matte))


def _typed(kind: type[R], row: Row) -> R:
    """Return a row of which a rule reads only some columns; the others are missing."""
    return decode_row(kind, dict.fromkeys(columns_of(kind)) | row)


def _write(root: Path, name: str, pixels: Picture) -> str:
    write_file(root / name, encode_png(np.ascontiguousarray(pixels)))
    return name
