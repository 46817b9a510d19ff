"""What a judged crop shall be, and that crop as the filter judges it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.common.digests import content_key
from tasks.common.records import Verdict
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import JudgedCrop
from tasks.common.schema.rule_names import MEASURED_RULES


@dataclass(frozen=True)
class Crop:
    """What one judged crop shall be; without a verdict of its own it is kept."""

    name: str
    verdict: Verdict = "keep"
    reason: str | None = None
    sentence: str | None = None
    has_matte: bool = True
    value: float | None = None
    bound: float | None = None
    failed: tuple[str, ...] | None = None  # without them the reason alone
    hash: int | None = None  # 64 bits; without one its own, far from everybody's
    mirror: int | None = None  # the hash of its mirror image, likewise
    has_hash: bool = True
    sharpness: float | None = 0.7
    frame_cut: float | None = 0.0
    others_xyxy: tuple[Box, ...] = ()  # the boxes of other people, px of the frame
    measures: Mapping[str, float | None] = field(default_factory=dict)


MEASURED_BEFORE_MASK: dict[str, float | None] = {
    "person_height_px": 200.0,
    "detector_confidence": 0.9,
    "person_overlap": 0.0,
    "body_visible": 0.9,
    "upper_body_visible": 0.95,
    "occlusion": 0.1,
    "ghosting": 0.02,
    "exposure": 0.0,
    "distortion": 1.1,
    "near_duplicate": None,
}
MEASURED_ON_MASK: dict[str, float | None] = {
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
}
assert {*MEASURED_BEFORE_MASK, *MEASURED_ON_MASK, "sharpness", "frame_cut"} == set(MEASURED_RULES)


def hex_digits(bits: int | None, *own: str) -> str:
    """Return a hash as the tables hold it; without one, 64 bits that depend on `own` alone."""
    return content_key(*own)[:16] if bits is None else f"{bits:016x}"


def judged_crop(crop: Crop, crop_id: str) -> JudgedCrop:
    """Return this crop as the filter judges it."""
    failed = crop.failed if crop.failed is not None else (crop.reason,) if crop.reason else ()
    measures: dict[str, float | None] = dict.fromkeys(MEASURED_RULES)
    measures |= MEASURED_BEFORE_MASK | (MEASURED_ON_MASK if crop.has_matte else {})
    measures |= {"sharpness": crop.sharpness, "frame_cut": crop.frame_cut, **crop.measures}
    return JudgedCrop(
        crop_id,
        verdict=crop.verdict,
        reason=crop.reason,
        value=crop.value,
        bound=crop.bound,
        sentence=crop.sentence,
        failed_rules=failed,
        nearest_crop=None,
        measures=measures,
        hash=hex_digits(crop.hash, crop_id) if crop.has_hash else None,
        mirror_hash=hex_digits(crop.mirror, "mirror", crop_id) if crop.has_hash else None,
    )


def failed(name: str, *rules: str, **facts: Any) -> Crop:
    """Return a crop that these rules drop, the first of them with its reason."""
    return Crop(name, "drop", rules[0], "No.", failed=rules, **facts)
