"""Where other people are in a published picture: pixels that no training should count.

The label is semantic, so a second person marked as background would teach that people are
background. That person's outline was not checked, so they are not marked as a person either.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import cv2
import numpy as np

from tasks.common.media.images import Mask, read_grey, to_alpha
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.judged_files import judged_file

# A pose model that hesitates shows a limb faintly; here a missed limb costs more than background.
_MAY_BE_PERSON = 0.25
_REACH = 0.04  # of the box's longer side, by which the outline may be wrong
# Of intersection over union of the box that the outline fills with the detector's: below it the
# outline lacks a part of the person, or is another person's.
_SAME_EXTENT = 0.6


def frames_of(crops: Iterable[RunCrop]) -> Mapping[str, Sequence[RunCrop]]:
    """Return the crops of each frame, whatever their verdict."""
    frames: dict[str, list[RunCrop]] = defaultdict(list)
    for crop in crops:
        frames[crop.crop.frame_id].append(crop)
    return frames


def other_people(crop: RunCrop, in_frame: Iterable[RunCrop], workspace: Workspace) -> Mask:
    """Return where other people may be in a crop, uint8 (H, W) of it, 0 and 1.

    `in_frame` are the crops of its frame. Each of the people that the detector saw counts: with
    their outline, widened, where a mask or a pose shows one of their extent, else with their box.
    """
    area = crop.crop.crop_box_xyxy
    found = np.zeros((round(area.height), round(area.width)), np.uint8)
    rows = {
        row.crop.person_box_xyxy: row
        for row in in_frame
        # In a 360 sphere every person has a view of their own, in which boxes mean other places.
        if row.stem != crop.stem and row.crop.view == crop.crop.view
    }
    for box in crop.crop.others_xyxy:
        if box.overlaps(area):
            _mark(found, _outline(rows.get(box), box, workspace), area)
    return found


def _outline(row: RunCrop | None, box: Box, workspace: Workspace) -> tuple[Mask, Box]:
    """Return where one person may be, and the box in the frame that it covers, in whole px."""
    if row is not None:
        person = row.crop.crop_box_xyxy
        if row.crop.given_path is not None:  # drawn by a person
            return read_grey(
                judged_file(workspace, row.crop.given_path, row.crop.given_digest)
            ), person
        shown = _shown(row, workspace)
        if _extent(shown).iou(row.crop.person_in_crop) >= _SAME_EXTENT:
            return shown, person
    whole = Box(*np.floor([box.x0, box.y0]), *np.ceil([box.x1, box.y1]))
    return np.ones((round(whole.height), round(whole.width)), np.uint8), whole


def _shown(row: RunCrop, workspace: Workspace) -> Mask:
    """Return what mask and pose show of a person inside their widened box, widened."""
    person, area = row.crop.person_in_crop, row.crop.crop_box_xyxy
    size_wh = (round(area.width), round(area.height))
    shown = np.zeros(size_wh[::-1], np.uint8)
    if row.pose is not None and row.pose.mask_path is not None:
        path = judged_file(workspace, row.pose.mask_path, row.pose.mask_digest)
        body = to_alpha(read_grey(path))
        shown |= cv2.resize(body, size_wh, interpolation=cv2.INTER_LINEAR) >= _MAY_BE_PERSON
    if row.matte is not None:
        shown |= read_grey(judged_file(workspace, row.matte.mask_path, row.matte.mask_digest))
    reach = max(1, round(_REACH * max(person.width, person.height)))
    inside = np.zeros_like(shown)
    inside[person.pad(reach).clip(size_wh).slices] = 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return cast(Mask, cv2.dilate((shown & inside).astype(np.uint8), disc))


def _extent(mask: Mask) -> Box:
    left, top, width, height = cv2.boundingRect(mask)
    return Box(left, top, left + width, top + height)


def _mark(found: Mask, outline: tuple[Mask, Box], area: Box) -> None:
    """Add an outline to a crop, both at their places in the frame."""
    mask, covers = outline
    common = covers.intersection(area)
    if common.area > 0:
        found[common.within(area).slices] |= mask[common.within(covers).slices]
