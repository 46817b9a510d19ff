"""The page of one crop: the crop, the results of the models, and the finding of each rule."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import cv2
import numpy as np

from tasks.common.errors import InputError
from tasks.common.html.pages import render_page
from tasks.common.html.pictures import jpeg_data_uri
from tasks.common.media.images import Mask, Rgb
from tasks.common.records import StageResult
from tasks.common.schema.columns import from_table
from tasks.common.schema.rows import Crop, Pose, RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.review.contact_sheet import grey_picture, picture

_HEIGHT_PX = 420
_PERSON_RGB, _OTHER_RGB, _MASK_RGB = (255, 214, 0), (255, 60, 60), (0, 255, 96)
_SEEN_RGB, _UNSEEN_RGB = (0, 190, 255), (150, 150, 150)
# As in the rules `distortion` and `keypoints_in_mask`: this page shows what they used.
SURELY_SEEN = 0.5
# COCO's keypoints that a skeleton joins.
BONES = [(5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12), (11, 13), (13, 15),
          (12, 14), (14, 16), (0, 1), (0, 2), (1, 3), (2, 4)]  # fmt: skip


class RuleFinding(NamedTuple):
    """What one rule makes of the crop: value and bounds as text, verdict, sentence."""

    rule: str
    value: str
    bounds: str
    verdict: str
    sentence: str


class MaskPair(NamedTuple):
    """The machine's and the corrected mask of a crop, (H, W) of 0 and 1, and who corrected it."""

    machine: Mask
    corrected: Mask
    note: str


def read_crop(crops: StageResult, crop_id: str, workspace: Workspace) -> RunCrop:
    """Read one row of a run's `crops` table, by its id or a unique prefix of it.

    The table has a column per rule and may have very many rows: only this one is decoded.

    Raises:
        InputError: there is none in this run, or there are several.
    """
    table = workspace.item_table(crops)
    crop_ids: list[str] = table["crop.crop_id"].to_pylist()
    chosen = choose_crop_id(crop_ids, crop_id)
    (crop,) = from_table(RunCrop, table.slice(crop_ids.index(chosen), 1))
    return crop


def choose_crop_id(crop_ids: Sequence[str], crop_id: str) -> str:
    """Return the id that is meant: the whole one, or the only one that begins with it.

    Raises:
        InputError: there is none, or there are several.
    """
    # A whole id wins, although it may be a prefix of others: ids end in a number, as in `-10` and
    # `-100`.
    matches = [name for name in crop_ids if name == crop_id] or [
        name for name in crop_ids if crop_id and name.startswith(crop_id)
    ]
    if len(matches) == 1:
        return matches[0]
    count = (
        f"{len(matches)} begin with it: {', '.join(matches[:5])} …"
        if matches
        else "none begins with it"
    )
    raise InputError(
        f"No single crop {crop_id!r} in this run; of its {len(crop_ids)} crops, {count}. Crop ids "
        "are in the report (hover over a picture), in crops.parquet and in review.csv."
    )


def render_crop_page(
    crop: RunCrop,
    findings: Sequence[RuleFinding],
    workspace: Workspace,
    masks: MaskPair | None = None,
) -> str:
    """Return a page with the crop's pictures and what each rule says of it.

    With `masks` the machine's and the corrected mask are shown next to each other.
    """
    return render_page(
        __package__,
        "crop_page.html.j2",
        title=crop.stem,
        note=f"{crop.source_id}, {crop.crop.time_s:.1f} s{_place_in_sphere(crop.crop)}",
        verdict=crop.verdict.verdict,
        sentence=crop.verdict.sentence or "",
        findings=findings,
        pictures=[
            {"picture": jpeg_data_uri(drawn, 85), "caption": caption}
            for drawn, caption in [*_pictures(crop, workspace), *_corrected(crop, masks, workspace)]
        ],
        groups=[],
    )


def _place_in_sphere(crop: Crop) -> str:
    view = crop.view
    if view is None:
        return ""
    return (
        f"; {view.kind} view out of a 360 sphere ({crop.projection}) at yaw {view.yaw_deg:.1f}, "
        f"pitch {view.pitch_deg:.1f}, {view.fov_deg:.1f} degrees wide"
    )


def _pictures(crop: RunCrop, workspace: Workspace) -> list[tuple[Rgb, str]]:
    large, scale, size_wh = _enlarged(crop, workspace)
    pictures = [(_with_boxes(large, crop.crop, scale), "yellow: the person, red: other people")]
    if crop.pose is not None:
        pictures.append((_with_pose(large, crop.pose, scale), "blue: seen, grey: guessed"))
    if crop.matte is not None:
        mask = grey_picture(workspace, crop.matte.mask_path)
        alpha = grey_picture(workspace, crop.matte.alpha_path)
        pictures.append((_with_mask(large, mask, size_wh), "the mask"))
        # The network's own alpha, unlike the mask beside it: uncertain areas show as grey.
        grey = cv2.resize(alpha, size_wh, interpolation=cv2.INTER_AREA)
        pictures.append((np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8), "the alpha"))
    return pictures


def _corrected(
    crop: RunCrop, masks: MaskPair | None, workspace: Workspace
) -> list[tuple[Rgb, str]]:
    """Return the two masks side by side, and the pixels in which they differ."""
    if masks is None:
        return []
    large, _, size_wh = _enlarged(crop, workspace)
    added = (masks.corrected == 1) & (masks.machine != 1)
    removed = (masks.machine == 1) & (masks.corrected != 1)
    changed = (large // 3).astype(np.uint8)
    for pixels, colour in ((added, _MASK_RGB), (removed, _OTHER_RGB)):
        small = cv2.resize(pixels.astype(np.uint8), size_wh, interpolation=cv2.INTER_NEAREST)
        changed[small == 1] = colour
    n_added, n_removed = np.count_nonzero(added), np.count_nonzero(removed)
    return [
        (_with_mask(large, masks.machine, size_wh), "the machine's mask"),
        (_with_mask(large, masks.corrected, size_wh), f"corrected: {masks.note}"),
        (changed, f"green: {n_added} px added, red: {n_removed} px removed by people"),
    ]


def _enlarged(crop: RunCrop, workspace: Workspace) -> tuple[Rgb, float, tuple[int, int]]:
    """Return the crop at the height of the page's pictures, its scale and its width and height."""
    rgb = picture(workspace, crop.crop.path)
    scale = _HEIGHT_PX / rgb.shape[0]
    size_wh = (max(1, round(rgb.shape[1] * scale)), _HEIGHT_PX)
    return cast(Rgb, cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA)), scale, size_wh


def _with_boxes(large: Rgb, crop: Crop, scale: float) -> Rgb:
    drawn = large.copy()
    boxes = [(box, _OTHER_RGB) for box in crop.others_xyxy]
    # The person last, so that their box is drawn over the others.
    for box, colour in [*boxes, (crop.person_box_xyxy, _PERSON_RGB)]:
        x0, y0, x1, y1 = (round(value * scale) for value in box.within(crop.crop_box_xyxy).xyxy)
        cv2.rectangle(drawn, (x0, y0), (x1, y1), colour, 2)
    return drawn


def _with_pose(large: Rgb, pose: Pose, scale: float) -> Rgb:
    drawn = large.copy()
    points = [(round(x * scale), round(y * scale)) for x, y in pose.points_xy]
    is_seen = [value >= SURELY_SEEN for value in pose.seen]
    for a, b in BONES:
        colour = _SEEN_RGB if is_seen[a] and is_seen[b] else _UNSEEN_RGB
        cv2.line(drawn, points[a], points[b], colour, 2, cv2.LINE_AA)
    for point, seen in zip(points, is_seen, strict=True):
        cv2.circle(drawn, point, 4, _SEEN_RGB if seen else _UNSEEN_RGB, -1, cv2.LINE_AA)
    return drawn


def _with_mask(large: Rgb, mask: Mask, size_wh: tuple[int, int]) -> Rgb:
    # Nearest: any other interpolation would invent values between 0 and 1.
    small = cv2.resize(mask, size_wh, interpolation=cv2.INTER_NEAREST)
    dimmed = np.where(small[:, :, None] == 1, large, large // 3).astype(np.uint8)
    contours, _ = cv2.findContours(small, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return cast(Rgb, cv2.drawContours(dimmed, contours, -1, _MASK_RGB, 1))
