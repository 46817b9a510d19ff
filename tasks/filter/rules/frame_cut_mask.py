"""How much of the person's outline lies on the border of the frame."""

import cv2
import numpy as np

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float | None:
    """Return the share of the published mask's outline pixels on the frame's border, 0..1.

    Outline pixels are those of the mask with a neighbour (of four) outside the mask or outside
    the picture. Only edges that are frame edges count: behind the others there is context.
    """
    mask, box = subject.tight_mask, subject.tight_in_crop
    if mask is None or box is None or not mask.any():
        return None
    # The border value 0 makes pixels at the picture's edge outline pixels as well.
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask, cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    outline = (mask == 1) & (inner == 0)
    in_frame = box.shift(subject.crop.crop_box_xyxy.x0, subject.crop.crop_box_xyxy.y0)
    width, height = subject.crop.frame_size_wh
    on_border = np.zeros_like(outline)
    # Each edge of the published cut counts only where it is an edge of the frame.
    on_border[:, :1] |= in_frame.x0 <= 0
    on_border[:1, :] |= in_frame.y0 <= 0
    on_border[:, -1:] |= in_frame.x1 >= width
    on_border[-1:, :] |= in_frame.y1 >= height
    return float(np.count_nonzero(outline & on_border) / np.count_nonzero(outline))


RULE = Rule(
    name="frame_cut_mask",
    serves=("S8",),
    needs_mask=True,
    measure=measure,
    say="{value:.0f} % of the person's outline lies on the frame border; the bound is "
    "{bound:.0f} %.",
    scale=100,
)
