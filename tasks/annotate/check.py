"""Whether a returned mask is an edit of the mask that was sent, or something else."""

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np

from tasks.annotate.apply import mask_iou
from tasks.annotate.order import OrderItem
from tasks.annotate.routes.returned import Returned
from tasks.common.media.images import Mask, Rgb

# Colours may differ where a tool cleaned the fringe or saved a JPEG; another picture differs by far
# more: two frames of one scene gave 20 and more.
_SAME_PICTURE = 12.0
_SAME_SHAPE_RATIO = 0.02
_ONE_PIXEL = 1
_STRANGER_IOU, _OTHER_IOU = 0.1, 0.8
_MIN_MOVED_PX = 16


class Sent(NamedTuple):
    """What was sent of a sample: its line of the manifest, the mask, the picture if at hand.

    `shown` is what the annotator started from: the machine's mask, or a proposal.
    """

    item: OrderItem
    shown: Mask
    picture: Rgb | None


def problem_of(returned: Returned, sent: Mapping[str, Sent]) -> str:
    """Return why a returned mask cannot be taken, as the end of a sentence; empty if it can.

    The name comes first, then the size, the picture, the content.
    """
    own = sent.get(returned.sample)
    if own is None:
        return (
            f"is no sample of this order{_similar(returned.sample, sent)}; give the file its "
            "sample's id as name again."
        )
    if returned.mask is None:
        return returned.problem
    return (
        _wrong_size(returned, own)
        or _wrong_picture(returned, own)
        or _empty(returned.mask, own)
        or _wrong_place(returned.mask, own, sent)
    )


def _similar(name: str, sent: Mapping[str, Sent]) -> str:
    # A name that a tool or a person added to is the commonest case.
    close = [sample for sample in sent if sample in name or (name and name in sample)]
    return f" ({close[0]}?)" if len(close) == 1 else ""


def _wrong_size(returned: Returned, own: Sent) -> str:
    width, height = own.item.size_wh
    came = returned.size_wh or (width, height)
    if came == (width, height):
        return ""
    told = f"has {came[0]} x {came[1]} px, its picture {width} x {height}"
    is_scaled = abs(came[0] / width / (came[1] / height) - 1) <= _SAME_SHAPE_RATIO
    if is_scaled:
        return f"{told}: it was resized; export it in full size (removebg: size=full)."
    return f"{told}: it was cropped or its canvas changed; save it uncropped (removebg: crop off)."


def _wrong_picture(returned: Returned, own: Sent) -> str:
    problem = "belongs to another picture; put the mask of this sample's picture here."
    if returned.picture_digest not in (None, own.item.picture_digest):
        return problem
    if returned.picture is None or own.picture is None or returned.mask is None:
        return ""
    # Inside the mask only: cut-outs may have lost the colours of what is transparent.
    inside = cv2.erode(returned.mask, np.ones((3, 3), np.uint8)) == 1
    if not inside.any():
        inside = returned.mask == 1
    if not inside.any():
        return ""
    difference = np.abs(returned.picture[inside].astype(int) - own.picture[inside])
    return problem if float(difference.mean()) > _SAME_PICTURE else ""


def _empty(mask: Mask, own: Sent) -> str:
    n_person = int(np.count_nonzero(mask))
    # An empty mask comes out of CVAT as one pixel at the origin (its issue 7458).
    is_origin = n_person == _ONE_PIXEL and bool(mask[0, 0])
    if (n_person == 0 or is_origin) and own.shown.any():
        return "marks no person; mark the person, or leave the file out if there is none."
    return ""


def _wrong_place(mask: Mask, own: Sent, sent: Mapping[str, Sent]) -> str:
    """Recognise masks that were moved, or that belong to another sample of the same size."""
    if mask_iou(mask, own.shown) == 1.0:
        return ""
    step = _moved(mask, own.shown)
    if step is not None:
        return f"is the mask that was sent, moved by {step[0]}, {step[1]} px; move it back."
    if mask_iou(mask, own.shown) >= _STRANGER_IOU:
        return ""
    for name, other in sent.items():
        is_comparable = name != own.item.sample and other.shown.shape == mask.shape
        if is_comparable and mask_iou(mask, other.shown) >= _OTHER_IOU:
            return f"is the mask of {name}; put each mask under its own name."
    return ""


def _moved(mask: Mask, base: Mask) -> tuple[int, int] | None:
    """Return the step by which the sent mask was moved as a whole; None if it was not."""
    x0, y0, width, height = cv2.boundingRect(base)
    x1, y1, new_width, new_height = cv2.boundingRect(mask)
    is_same_size = (width, height) == (new_width, new_height)
    if not is_same_size or np.count_nonzero(base) < _MIN_MOVED_PX or (x0, y0) == (x1, y1):
        return None
    before = base[y0 : y0 + height, x0 : x0 + width]
    after = mask[y1 : y1 + height, x1 : x1 + width]
    return (x1 - x0, y1 - y0) if np.array_equal(before, after) else None
