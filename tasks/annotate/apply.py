"""A crop's mask with the corrections of people merged in."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Mask
from tasks.common.media.three_way import merge_masks
from tasks.common.schema.boxes import Box
from tasks.common.schema.channels import human_channel
from tasks.common.schema.rows import Crop
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import Correction, read_mask

# Two careful annotators differ by a pixel or two along the outline; beyond this one of them erred.
AGREED_IOU = 0.95


class Corrected(NamedTuple):
    """A crop's mask after all corrections.

    `seen` (H, W) is what the annotators had before them, `drawn` where they marked the person. The
    channel also says whether people agree, or contradict each other or a newer machine mask.
    """

    mask: Mask
    seen: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    channel: str


def correct_mask(
    mask: Mask, crop: Crop, corrections: Sequence[Correction], workspace: Workspace
) -> Corrected:
    """Merge corrections into a crop's machine mask, one after the other, oldest first.

    Each is a three-way merge with the mask that was sent as its base. So a second order, which was
    sent with the first correction in it, keeps the first where its annotator changed nothing.

    Raises:
        ArtifactError: a mask is missing or damaged.
    """
    current = mask.copy()
    seen, drawn = np.zeros(mask.shape, bool), np.zeros(mask.shape, bool)
    n_conflicts = 0
    in_force = latest_of_each(corrections)
    for correction in in_force:
        base, human = (
            read_mask(workspace, correction.media_id, digest)
            for digest in (correction.base_digest, correction.mask_digest)
        )
        here, there = _overlap(crop.crop_box_xyxy, correction.region)
        merged = merge_masks(base[there], human[there], current[here])
        current[here] = merged.mask
        n_conflicts += int(np.count_nonzero(merged.conflicts))
        seen[here] = True
        drawn[here] |= human[there] == 1
    n_drawn, n_agreed = count_agreed(in_force, workspace)
    channel = human_channel(
        [_tool(correction) for correction in in_force],
        n_agreed,
        is_disputed=n_conflicts > 0 or n_agreed < n_drawn,
    )
    return Corrected(current, seen, drawn, channel)


def _tool(correction: Correction) -> str:
    return correction.channel + ("-polygon" if correction.is_polygon else "")


def latest_of_each(corrections: Sequence[Correction]) -> list[Correction]:
    """Return the corrections in force: of those by one person of one sent mask, the last.

    Somebody who sends a mask again means the new one, also where it undoes a change.
    """
    latest = {(c.annotator, c.base_digest, c.region_xyxy): c for c in corrections}
    return [c for c in corrections if latest[c.annotator, c.base_digest, c.region_xyxy] is c]


def count_agreed(corrections: Sequence[Correction], workspace: Workspace) -> tuple[int, int]:
    """Return how many people drew the newest sent mask, and how many agree with the last."""
    last = corrections[-1]
    same_task = [
        c
        for c in corrections
        if (c.base_digest, c.region_xyxy) == (last.base_digest, last.region_xyxy)
    ]
    reference = read_mask(workspace, last.media_id, last.mask_digest)
    masks = [read_mask(workspace, c.media_id, c.mask_digest) for c in same_task]
    return len(masks), sum(mask_iou(mask, reference) >= AGREED_IOU for mask in masks)


def mask_iou(first: Mask, second: Mask) -> float:
    """Return intersection over union of two masks' person pixels; 1 where both are empty."""
    a, b = first == 1, second == 1
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 1.0


def _overlap(crop: Box, region: Box) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the common rectangle of two regions of a frame, as slices of each of them."""
    common = crop.intersection(region)
    # Boxes of one person overlap, so this is not empty; negative sides would wrap around.
    common = Box(common.x0, common.y0, max(common.x0, common.x1), max(common.y0, common.y1))
    return common.within(crop).slices, common.within(region).slices
