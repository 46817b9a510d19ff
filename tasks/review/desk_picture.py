"""The pictures of the curator's desk: previews, cut-outs, overlays as SVG, a frame with its box."""

from collections.abc import Collection
from typing import Literal, cast

import cv2
import numpy as np

from tasks.common.html.pages import render_page
from tasks.common.html.pictures import encode_preview
from tasks.common.media.images import Mask, Rgb, encode_png, to_alpha
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.review.contact_sheet import grey_picture, picture
from tasks.review.crop_page import BONES, SURELY_SEEN

Show = Literal["picture", "cutout", "light", "alpha"]
_QUALITY = 86
# Neutral greys: a coloured ground would tint the judgement of hair and edges.
_GROUND: dict[str, int] = {"cutout": 52, "light": 235}
_BOX_RGB = (255, 214, 0)


def draw_preview(
    crop: RunCrop, show: Show, longer_px: int, workspace: Workspace, mask: Mask | None = None
) -> bytes:
    """Return a crop as JPEG whose longer side is at most `longer_px`; never enlarged.

    `cutout` and `light` put the person before a dark or light grey, by `mask`, else by the crop's
    own alpha. Without a mask there is the picture alone.

    Raises:
        ArtifactError: a picture is gone or damaged.
    """
    rgb = picture(workspace, crop.crop.path)
    if show != "picture" and crop.matte is not None:
        alpha = (
            grey_picture(workspace, crop.matte.alpha_path) if mask is None else mask * np.uint8(255)
        )
        if mask is None and show != "alpha":
            # What is published is the mask: parts of the alpha beyond it would mislead.
            alpha = np.minimum(alpha, grey_picture(workspace, crop.matte.mask_path) * np.uint8(255))
        rgb = _laid_out(rgb, alpha, show)
    return encode_preview(_shrunk(rgb, longer_px), _QUALITY)


def _laid_out(rgb: Rgb, codes: Mask, show: Show) -> Rgb:
    if show == "alpha":
        return np.repeat(codes[:, :, None], 3, axis=2)
    share = to_alpha(codes)[:, :, None]
    return (rgb * share + _GROUND[show] * (1.0 - share)).astype(np.uint8)


def _shrunk(rgb: Rgb, longer_px: int) -> Rgb:
    scale = longer_px / max(rgb.shape[:2])
    if scale >= 1.0:
        return rgb
    size_wh = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return cast(Rgb, cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA))


def draw_overlay(
    crop: RunCrop, layers: Collection[str], workspace: Workspace, mask: Mask | None = None
) -> bytes:
    """Return the chosen layers of a crop as an SVG of the crop's size: mask, pose, box, others.

    Raises:
        ArtifactError: a picture is gone or damaged.
    """
    shown = crop.crop
    outline = ""
    if "mask" in layers and crop.matte is not None:
        own = grey_picture(workspace, crop.matte.mask_path) if mask is None else mask
        outline = outline_path(own)
    bones: list[tuple[float, float, float, float, bool]] = []
    if "pose" in layers and crop.pose is not None:
        points, seen = crop.pose.points_xy, crop.pose.seen
        bones = [(*points[a], *points[b], min(seen[a], seen[b]) >= SURELY_SEEN) for a, b in BONES]
    text = render_page(
        __package__,
        "overlay.svg.j2",
        width=int(shown.crop_box_xyxy.width),
        height=int(shown.crop_box_xyxy.height),
        outline=outline,
        bones=bones,
        person=shown.person_in_crop.xyxy if "box" in layers else None,
        others=_others(shown) if "others" in layers else [],
    )
    return text.encode()


def _others(crop: Crop) -> list[tuple[float, float, float, float]]:
    return [box.within(crop.crop_box_xyxy).xyxy for box in crop.others_xyxy]


def outline_path(mask: Mask) -> str:
    """Return the outline of a mask, uint8 (H, W) of 0 and 1, as the path of an SVG, holes too."""
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    # Centres of px, since a contour runs through the outermost ones.
    parts = [
        "M" + "L".join(f"{x + 0.5:g} {y + 0.5:g}" for x, y in contour[:, 0]) + "Z"
        for contour in contours
    ]
    return "".join(parts)


def draw_frame(path: str, crop: Crop, longer_px: int, workspace: Workspace) -> bytes:
    """Return the frame of a crop as JPEG with the person's box.

    Raises:
        ArtifactError: the frame is gone or damaged.
    """
    rgb = picture(workspace, path)
    height, width = rgb.shape[:2]
    small = _shrunk(rgb, longer_px).copy()
    # The box is in px of the frame as it was cut; a sphere's frame is another picture.
    if crop.view is None and (width, height) == crop.frame_size_wh:
        scale = small.shape[1] / width
        x0, y0, x1, y1 = (round(value * scale) for value in crop.person_box_xyxy.xyxy)
        cv2.rectangle(small, (x0, y0), (x1, y1), _BOX_RGB, 2)
    return encode_preview(small, _QUALITY)


def draw_whole(crop: RunCrop, workspace: Workspace) -> bytes:
    """Return the picture of a crop as PNG, px for px: the brush works on these.

    Raises:
        ArtifactError: the picture is gone or damaged.
    """
    return encode_png(picture(workspace, crop.crop.path))


def read_mask_codes(crop: RunCrop, workspace: Workspace) -> Mask:
    """Return the mask of a crop, uint8 (H, W) of 0 and 1; without a mask all 0.

    Raises:
        ArtifactError: the mask is gone or damaged.
    """
    if crop.matte is not None:
        return grey_picture(workspace, crop.matte.mask_path)
    box: Box = crop.crop.crop_box_xyxy
    return np.zeros((int(box.height), int(box.width)), np.uint8)
