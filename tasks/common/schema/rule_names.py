"""The names of all rules, in the order in which a first failing rule is named."""

TAG_RULES = ("excluded_scene", "licence")
"""Rules on the tags and the licence of a source; they measure no crop."""

MEASURED_RULES = (
    "person_height_px",
    "detector_confidence",
    "frame_cut",
    "person_overlap",
    "body_visible",
    "upper_body_visible",
    "occlusion",
    "sharpness",
    "ghosting",
    "exposure",
    "distortion",
    "near_duplicate",
    "mask_whole",
    "subject_share",
    "frame_cut_mask",
    "person_overlap_mask",
    "other_people",
    "object_overlap",
    "contrast",
    "mask_certainty",
    "expected_iou",
    "mask_agreement",
    "keypoints_in_mask",
    "trust",
)
"""Rules that measure one number per crop; each is a column of the measures and verdicts tables."""

RULE_NAMES = TAG_RULES + MEASURED_RULES

MASK_DOUBTS = frozenset(
    {
        "mask_whole",
        "mask_certainty",
        "expected_iou",
        "mask_agreement",
        "keypoints_in_mask",
        "trust",
    }
)
"""Rules that ask whether a machine's mask may be trusted. People who look at a mask answer them."""
