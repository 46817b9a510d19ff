"""Pose models of ultralytics: 17 keypoints with a confidence each, no mask."""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from tasks.common.media.images import Rgb
from tasks.common.schema.boxes import Box
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights
from tasks.common.weights.verified import verified_weights
from tasks.common.weights.yolo import load_yolo
from tasks.pose.keypoints import N_POINTS, PoseEstimate, in_picture

_INPUT_PX = 320  # half of the usual 640: one person fills the crop
_CONFIDENCE = 0.05  # low: the detector has found a person, and `seen` keeps the doubt
_SAME_PERSON = 0.3  # intersection over union with the detector's box
_lock = Lock()


@cache
def _load(weights: Weights, models: Path) -> Any:
    with verified_weights(weights, models) as path:
        return load_yolo(path, "pose", models)


def find_pose(rgb: Rgb, person: Box, weights: Weights, settings: Settings) -> PoseEstimate:
    """Find the pose of the person in a box of the crop."""
    with _lock:
        results = _load(weights, settings.models).predict(
            np.ascontiguousarray(rgb[:, :, ::-1]),  # ultralytics: BGR
            conf=_CONFIDENCE,
            imgsz=_INPUT_PX,
            device=settings.device,
            verbose=False,
        )
    return pose_of(results[0], person, (rgb.shape[1], rgb.shape[0]))


def pose_of(result: Any, person: Box, size_wh: tuple[int, int]) -> PoseEstimate:
    """Return the pose of the person among all poses that ultralytics finds in a crop.

    Neighbours reach into the crop, so the pose is chosen by the overlap of its box with the
    detector's. If none overlaps enough, no keypoint is seen.
    """
    overlaps = [person.iou(Box.of(box)) for box in result.boxes.xyxy.cpu().tolist()]
    if max(overlaps, default=0.0) < _SAME_PERSON:
        nothing_seen = np.zeros(N_POINTS, np.float32)
        return PoseEstimate(np.zeros((N_POINTS, 2), np.float32), nothing_seen, None)
    best = overlaps.index(max(overlaps))
    points = result.keypoints.xy[best].cpu().numpy().astype(np.float32)
    confidence = result.keypoints.conf[best].cpu().numpy().astype(np.float32)
    # ultralytics clips points to the picture: one on its edge was most likely outside.
    inside = in_picture(points, size_wh) & (points > 0).all(axis=1)
    return PoseEstimate(points, confidence * inside, None)
