"""Crops with a known person, for the rules to measure."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.files import write_file
from tasks.common.images import encode_png
from tasks.common.records import Source
from tasks.filter.subject import Subject

SOURCE = Source(source_id="clip", uri="clip.mp4", scenes=("park",))


def make_subject(
    root: Path,
    *,
    frame_wh: tuple[int, int] = (400, 300),
    person: tuple[float, float, float, float] = (100, 50, 200, 250),
    others: list[tuple[float, float, float, float]] | None = None,
    rgb: NDArray[np.uint8] | None = None,
    mask: NDArray[np.uint8] | None = None,
    tight: tuple[int, int, int, int] | None = None,
    confidence: float = 0.9,
    projection: str = "flat",
    pose: dict[str, Any] | None = None,
) -> Subject:
    """Build a subject whose crop is the whole frame, so that crop and frame share coordinates."""
    width, height = frame_wh
    pixels = np.zeros((height, width, 3), np.uint8) if rgb is None else rgb
    write_file(root / "crop.png", encode_png(pixels))
    crop: dict[str, Any] = {
        "crop_id": "c",
        "confidence": confidence,
        "frame_size_wh": json.dumps(frame_wh),
        "projection": projection,
        "person_box_xyxy": json.dumps(person),
        "crop_box_xyxy": json.dumps([0, 0, width, height]),
        "others_xyxy": json.dumps(others or []),
        "path": "crop.png",
    }
    if mask is None:
        return Subject(root, crop, pose)
    write_file(root / "mask.png", encode_png(mask))
    box = tight or (0, 0, width, height)
    matte = {"mask_path": "mask.png", "tight_box_xyxy": json.dumps(box), "second_path": None}
    return Subject(root, crop, pose, matte)
