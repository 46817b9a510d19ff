"""All rules that measure, in the order in which a first failing rule is named.

A rule's module has its name. `excluded_scene` and `licence` judge the source rather than a crop
and are not among these. To add a rule, write its module, and name it here, in
`tasks.common.schema.rule_names` and in `RuleBounds`; a test compares the three places.
"""

from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.filter.rule import Rule
from tasks.filter.rules import (
    body_visible,
    contrast,
    detector_confidence,
    distortion,
    expected_iou,
    exposure,
    frame_cut,
    frame_cut_mask,
    ghosting,
    keypoints_in_mask,
    mask_agreement,
    mask_certainty,
    mask_whole,
    near_duplicate,
    object_overlap,
    occlusion,
    other_people,
    person_height_px,
    person_overlap,
    person_overlap_mask,
    sharpness,
    subject_share,
    trust,
    upper_body_visible,
)

_BY_NAME = {
    module.RULE.name: module.RULE
    for module in (
        person_height_px,
        detector_confidence,
        frame_cut,
        person_overlap,
        body_visible,
        upper_body_visible,
        occlusion,
        sharpness,
        ghosting,
        exposure,
        distortion,
        near_duplicate,
        mask_whole,
        subject_share,
        frame_cut_mask,
        person_overlap_mask,
        other_people,
        object_overlap,
        contrast,
        mask_certainty,
        expected_iou,
        mask_agreement,
        keypoints_in_mask,
        trust,
    )
}
RULES: dict[str, Rule] = {name: _BY_NAME[name] for name in MEASURED_RULES}
