"""All rules, one module each, in the order in which a first failing rule is named."""

from tasks.filter.rule import Rule
from tasks.filter.rules import (
    detector_confidence,
    frame_cut,
    frame_cut_mask,
    mask_whole,
    person_height_px,
    person_overlap,
    person_overlap_mask,
    sharpness,
    subject_share,
)

RULES: dict[str, Rule] = {
    module.RULE.name: module.RULE
    for module in (
        person_height_px,
        detector_confidence,
        frame_cut,
        person_overlap,
        sharpness,
        mask_whole,
        subject_share,
        frame_cut_mask,
        person_overlap_mask,
    )
}
