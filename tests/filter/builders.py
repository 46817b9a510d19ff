"""Crops with a known person, for the rules to measure, and measures for the bounds to judge."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.common.files import write_file
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Projection, Source
from tasks.common.schema.boxes import Box
from tasks.common.schema.columns import Measures
from tasks.common.schema.rows import Crop, Matte, MeasuredCrop, Pose
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.workspace.artifacts import Workspace
from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

Corners = tuple[float, float, float, float]
Picture = NDArray[np.uint8]

SOURCE = Source(source_id="clip", uri="clip.mp4", scenes=("park",), licence="CC-BY-4.0")
FRAME_WH = (400, 300)
N_POINTS = 17

# A crop that every bound one may think of lets through.
GOOD = MeasuredCrop(
    "c",
    measures={
        "person_height_px": 200.0,
        "detector_confidence": 0.9,
        "frame_cut": 0.0,
        "person_overlap": 0.0,
        "body_visible": 0.9,
        "upper_body_visible": 0.95,
        "occlusion": 0.1,
        "sharpness": 0.7,
        "ghosting": 0.02,
        "exposure": 0.0,
        "distortion": 1.1,
        "near_duplicate": None,
        "mask_whole": 1.0,
        "subject_share": 0.5,
        "frame_cut_mask": 0.0,
        "person_overlap_mask": 0.0,
        "other_people": 0.0,
        "object_overlap": 0.0,
        "contrast": 40.0,
        "mask_certainty": 0.8,
        "expected_iou": 0.95,
        "mask_agreement": 0.95,
        "keypoints_in_mask": 1.0,
        "trust": 0.95,
    },
    hash="0123456789abcdef",
    mirror_hash="fedcba9876543210",
)
assert set(MEASURED_RULES) == set(GOOD.measures)


def remeasured(crop: MeasuredCrop, measures: Measures) -> MeasuredCrop:
    """Return the crop with other values of these rules."""
    assert set(measures) <= set(MEASURED_RULES)
    return replace(crop, measures={**crop.measures, **measures})


def value_of(rule: Rule, subject: Subject) -> float:
    """Measure a subject by a rule that can measure it."""
    assert rule.measure is not None
    value = rule.measure(subject)
    assert value is not None
    return value


def bounds_of(**rules: Any) -> RuleBounds:
    """Return bounds for these rules and for no others."""
    return RuleBounds.model_validate(rules)


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
    seen: Sequence[float] | None = None,
    mask: Picture | None = None,
) -> Pose:
    """Return the pose of the subject; `mask` holds the codes 0..255 that the model would write."""
    places = [(0.0, 0.0)] * N_POINTS if points is None else points
    return Pose(
        "c",
        points_xy=tuple((float(x), float(y)) for x, y in places),
        seen=(1.0,) * N_POINTS if seen is None else tuple(seen),
        mask_path=None if mask is None else _write(root, "pose.png", mask),
        mask_digest=None,
        model="blazepose-full",
        model_digest="",
    )


def make_subject(
    root: Path,
    *,
    frame_wh: tuple[int, int] = FRAME_WH,
    crop_at: tuple[int, int] = (0, 0),
    person: Corners = (100, 50, 200, 250),
    others: Sequence[Corners] = (),
    objects: Sequence[Corners] | None = None,
    rgb: Picture | None = None,
    mask: Picture | None = None,
    alpha: Picture | None = None,
    second_alpha: Picture | None = None,
    tight: tuple[int, int, int, int] | None = None,
    confidence: float = 0.9,
    projection: Projection = "flat",
    pose: Pose | None = None,
    foreign_share: float = 0.0,
) -> Subject:
    """Build a subject whose crop is the whole frame, unless its pixels say otherwise.

    Then crop and frame share coordinates. A picture smaller than the frame lies in it at `crop_at`.
    `alpha` and `second_alpha` are codes 0..255; without one the alpha is as sure as the mask.
    """
    pixels = np.zeros((frame_wh[1], frame_wh[0], 3), np.uint8) if rgb is None else rgb
    (height, width), (left, top) = pixels.shape[:2], crop_at
    crop = Crop(
        "c",
        frame_id="f",
        media_id="m",
        time_s=0.0,
        frame_size_wh=frame_wh,
        projection=projection,
        person_box_xyxy=Box.of(person),
        crop_box_xyxy=Box(left, top, left + width, top + height),
        confidence=confidence,
        others_xyxy=tuple(map(Box.of, others)),
        objects_xyxy=None if objects is None else tuple(map(Box.of, objects)),
        path=_write(root, "crop.png", pixels),
        digest="",
    )
    if mask is None:
        return Subject(Workspace(root), crop, pose)
    matte = Matte(
        "c",
        alpha_path=_write(root, "alpha.png", mask * 255 if alpha is None else alpha),
        alpha_digest="",
        mask_path=_write(root, "mask.png", mask),
        mask_digest="",
        tight_box_xyxy=Box.of(tight or (0, 0, width, height)),
        raw_min=0.0,
        raw_max=1.0,
        second_path=None if second_alpha is None else _write(root, "second.png", second_alpha),
        second_digest=None,
        model="u2netp",
        model_digest="",
        channel=None,
        foreign_share=foreign_share,
    )
    return Subject(Workspace(root), crop, pose, matte)


def _write(root: Path, name: str, pixels: Picture) -> str:
    stream = BytesIO()
    # Uncompressed: compressing was a tenth of what the unit tests cost.
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", compress_level=0)
    write_file(root / name, stream.getvalue())
    return name
