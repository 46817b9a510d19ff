"""Pose models of ultralytics: 17 keypoints with a confidence each, no mask."""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Rgb
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights
from tasks.common.weights.fetch import require_weights
from tasks.common.weights.yolo import load_yolo
from tasks.pose.keypoints import N_POINTS, Box, Pose, in_picture

_INPUT_PX = 320  # one person fills the crop
_CONFIDENCE = 0.05  # the detector already said that somebody is here; a doubt stays in `seen`
_SAME_PERSON = 0.3  # intersection over union with the detector's box
_lock = Lock()


@cache
def _load(weights: Weights, models: Path) -> Any:
    return load_yolo(require_weights(weights, models), "pose", models)


def find_pose(rgb: Rgb, person_xyxy: Box, weights: Weights, settings: Settings) -> Pose:
    """Find the pose of the person in a box of the crop."""
    with _lock:
        results = _load(weights, settings.models).predict(
            np.ascontiguousarray(rgb[:, :, ::-1]),  # ultralytics: BGR
            conf=_CONFIDENCE,
            imgsz=_INPUT_PX,
            device=settings.device,
            verbose=False,
        )
    return pose_of(results[0], person_xyxy, (rgb.shape[1], rgb.shape[0]))


def pose_of(result: Any, person_xyxy: Box, size_wh: tuple[int, int]) -> Pose:
    """Take the pose of whoever stands in the detector's box; nothing is seen if nobody does."""
    boxes = result.boxes.xyxy.cpu().numpy()
    overlaps = _overlaps(boxes, person_xyxy)
    if len(overlaps) == 0 or overlaps.max() < _SAME_PERSON:
        return Pose(np.zeros((N_POINTS, 2), np.float32), np.zeros(N_POINTS, np.float32), None)
    who = int(overlaps.argmax())
    points = result.keypoints.xy[who].cpu().numpy().astype(np.float32)
    confidence = result.keypoints.conf[who].cpu().numpy().astype(np.float32)
    # ultralytics moves points from beyond the picture to its edges, where no joint ends by chance.
    inside = in_picture(points, size_wh) & (points > 0).all(axis=1)
    return Pose(points, confidence * inside, None)


def _overlaps(boxes: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
    """Return the intersection over union of each of the boxes (N, 4) with `box`."""
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, 2:], box[2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    whole = areas + (box[2] - box[0]) * (box[3] - box[1]) - common
    shares: NDArray[np.float32] = common / np.maximum(whole, 1e-9)
    return shares
