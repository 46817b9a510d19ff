"""Masks of one person by networks that know persons or take prompts: yolo-seg and SAM 2.

They answer with a region, not with fine edges, so they serve as opinions beside a matting model.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tasks.common.digests import content_key
from tasks.common.media.images import Rgb
from tasks.common.schema.boxes import Box
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights
from tasks.common.weights.verified import verified_weights
from tasks.common.weights.yolo import load_sam, load_yolo
from tasks.matte.session import Prediction

Points = tuple[tuple[float, float], ...]

_YOLO_PX = 640
_SAM_PX = 1024
_CONFIDENCE = 0.05  # low: the detector has found a person already
_SAME_PERSON = 0.3  # intersection over union with the detector's box
# Both answer yes or no. 0.95 and 0.05 weigh as much as a matting model that is sure.
_SURE = 0.95
_lock = Lock()


class Prompt(NamedTuple):
    """Whom to mark: the person's box, joints that are surely theirs, and joints of other people.

    All in px of the crop.
    """

    person: Box
    points_xy: Points = ()
    others_xy: Points = ()

    @property
    def key(self) -> str:
        """12 hex digits that name the prompt; a crop has few."""
        return content_key(self.person.xyxy, self.points_xy, self.others_xy)[:12]


def segment(rgb: Rgb, prompt: Prompt, weights: Weights, settings: Settings) -> Prediction:
    """Mark the person of a crop, uint8 (H, W, 3), as `_SURE` against 1 - `_SURE`.

    The alpha is 0 everywhere if the network sees no person in the box: it has no opinion then.
    """
    with _lock:
        model = _load(weights, settings.models)
        ask = _ask_sam if weights.session == "sam2" else _ask_yolo
        result = ask(model, np.ascontiguousarray(rgb[:, :, ::-1]), prompt, weights, settings)
    mask = _mask_of(result, prompt.person)
    if mask is None or not mask.any():
        return Prediction(np.zeros(rgb.shape[:2], np.float32), 0.0, 0.0)
    alpha = np.where(mask, _SURE, 1.0 - _SURE).astype(np.float32)
    return Prediction(alpha, float(alpha.min()), float(alpha.max()))


@cache
def _load(weights: Weights, models: Path) -> Any:
    with verified_weights(weights, models) as path:
        if weights.session == "sam2":
            return load_sam(path, models)
        return load_yolo(path, "segment", models)


def _ask_yolo(model: Any, bgr: Rgb, _: Prompt, weights: Weights, settings: Settings) -> Any:
    """Return the persons that a `*-seg` model finds in the crop."""
    return model.predict(
        bgr,
        conf=_CONFIDENCE,
        imgsz=_YOLO_PX,
        classes=list(weights.person_classes) or None,
        retina_masks=True,  # at the size of the crop
        device=settings.device,
        verbose=False,
    )[0]


def _ask_sam(model: Any, bgr: Rgb, prompt: Prompt, _: Weights, settings: Settings) -> Any:
    """Return the mask for a box, the person's joints, and other people's as negative points."""
    points = [*prompt.points_xy, *prompt.others_xy]
    labels = [1] * len(prompt.points_xy) + [0] * len(prompt.others_xy)
    # One object with all prompts: one box, and one list of points within the outer list.
    more = {"points": [[list(point) for point in points]], "labels": [labels]} if points else {}
    return model.predict(
        bgr,
        bboxes=[list(prompt.person.xyxy)],
        imgsz=_SAM_PX,
        conf=0.0,  # a doubtful mask is an opinion as well; how much it counts is for the fuser
        device=settings.device,
        verbose=False,
        **more,
    )[0]


def _mask_of(result: Any, person: Box) -> NDArray[np.bool_] | None:
    """Return the mask (H, W) whose box fits the person's best; None if none fits."""
    if result.masks is None:
        return None
    boxes: Sequence[Sequence[float]] = result.boxes.xyxy.cpu().tolist()
    overlaps = [person.iou(Box.of(box)) for box in boxes]
    if max(overlaps, default=0.0) < _SAME_PERSON:
        return None
    best = overlaps.index(max(overlaps))
    return cast(NDArray[np.bool_], result.masks.data[best].cpu().numpy() > 0)
