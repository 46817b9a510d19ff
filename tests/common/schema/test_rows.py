"""The columns of every table, literally: artifacts on disks have them, so no name may change."""

from dataclasses import is_dataclass
from typing import Any

import pytest

from tasks.common.schema import rows
from tasks.common.schema.columns import columns_of
from tasks.common.schema.rows import (
    Admitted,
    Crop,
    Frame,
    JudgedCrop,
    Matte,
    MeasuredCrop,
    MediaRow,
    Pose,
    ReviewFile,
    RunCrop,
)

MEDIA = """
    media_id:string path:string digest:string size_bytes:Int64 kind:string codec:string
    width_px:Int64 height_px:Int64 frame_rate:string duration_s:Float64 rotation_deg:Int64
    projection:string labels_path:string labels_digest:string channel:string
    captured_with:string
"""
FRAMES = """
    frame_id:string media_id:string time_s:Float64 width_px:Int64 height_px:Int64
    projection:string path:string digest:string labels_path:string labels_digest:string
    channel:string captured_with:string
"""
CROPS = """
    crop_id:string frame_id:string media_id:string time_s:Float64 frame_size_wh:string
    projection:string person_box_xyxy:string crop_box_xyxy:string confidence:Float64
    others_xyxy:string path:string digest:string given_path:string given_digest:string
    channel:string captured_with:string view.kind:string view.yaw_deg:Float64
    view.pitch_deg:Float64 view.fov_deg:Float64 objects_xyxy:string
"""
POSES = """
    crop_id:string points_xy:string seen:string mask_path:string mask_digest:string
    model:string model_digest:string
"""
MATTES = """
    crop_id:string alpha_path:string alpha_digest:string mask_path:string mask_digest:string
    tight_box_xyxy:string raw_min:Float64 raw_max:Float64 second_path:string
    second_digest:string model:string model_digest:string channel:string
    foreign_share:Float64
"""
MEASURED = """
    person_height_px:Float64 detector_confidence:Float64 frame_cut:Float64
    person_overlap:Float64 body_visible:Float64 upper_body_visible:Float64 occlusion:Float64
    sharpness:Float64 ghosting:Float64 exposure:Float64 distortion:Float64
    near_duplicate:Float64
    mask_whole:Float64 subject_share:Float64 frame_cut_mask:Float64
    person_overlap_mask:Float64 other_people:Float64 object_overlap:Float64
    contrast:Float64 mask_certainty:Float64
    expected_iou:Float64 mask_agreement:Float64 keypoints_in_mask:Float64 trust:Float64
    hash:string mirror_hash:string
"""
VERDICTS = f"""
    crop_id:string verdict:string reason:string value:Float64 bound:Float64 sentence:string
    failed_rules:string nearest_crop:string {MEASURED}
    decided.id:string decided.by:string decided.at:string decided.action:string decided.why:string
    decided.applied_from:string decided.good_mask_by:string decided.rule_verdict:string
    decided.rule_reason:string
"""


def _prefixed(prefix: str, columns: str) -> str:
    return " ".join(f"{prefix}.{column}" for column in columns.split())


COLUMNS: dict[type[Any], str] = {
    MediaRow: MEDIA,
    Frame: FRAMES,
    Crop: CROPS,
    Pose: POSES,
    Matte: MATTES,
    Admitted: "crop_id:string",
    MeasuredCrop: f"crop_id:string {MEASURED}",
    JudgedCrop: VERDICTS,
    ReviewFile: "name:string path:string digest:string",
    RunCrop: " ".join(
        (
            "source_id:string",
            _prefixed("crop", CROPS),
            _prefixed("pose", POSES),
            _prefixed("matte", MATTES),
            _prefixed("verdict", VERDICTS),
            "also_in:string near_source_id:string",
        )
    ),
}
KINDS = [
    kind
    for kind in vars(rows).values()
    if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == rows.__name__
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_table_has_these_columns_in_this_order(kind: type[Any]) -> None:
    columns = [f"{name}:{dtype}" for name, dtype in columns_of(kind).items()]
    assert columns == COLUMNS[kind].split()


def test_the_columns_of_every_kind_of_row_are_known_here() -> None:
    assert set(KINDS) == set(COLUMNS)
