"""All rules that measure, one module each, in the order in which a first failing rule is named.

`excluded_scene` and `licence` judge the source and stand in modules of their own beside these.
"""

from tasks.common.bounds import MEASURED_RULES
from tasks.filter.rule import Rule
from tasks.filter.rules import (
    body_visible,
    contrast,
    detector_confidence,
    distortion,
    exposure,
    frame_cut,
    frame_cut_mask,
    ghosting,
    keypoints_in_mask,
    mask_agreement,
    mask_certainty,
    mask_whole,
    near_duplicate,
    person_height_px,
    person_overlap,
    person_overlap_mask,
    sharpness,
    subject_share,
    upper_body_visible,
)

_ALL = {
    module.RULE.name: module.RULE
    for module in (
        body_visible,
        contrast,
        detector_confidence,
        distortion,
        exposure,
        frame_cut,
        frame_cut_mask,
        ghosting,
        keypoints_in_mask,
        mask_agreement,
        mask_certainty,
        mask_whole,
        near_duplicate,
        person_height_px,
        person_overlap,
        person_overlap_mask,
        sharpness,
        subject_share,
        upper_body_visible,
    )
}
RULES: dict[str, Rule] = {name: _ALL[name] for name in MEASURED_RULES}
