"""BlazePose on LiteRT: 33 landmarks with visibility and presence, and the person's mask.

Bazarevsky et al., "BlazePose: On-device real-time body pose tracking", 2020; inputs and outputs as
in the model card of pose_landmark_full.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Alpha, Rgb
from tasks.common.schema.boxes import Box
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights
from tasks.common.weights.verified import verified_weights
from tasks.pose.keypoints import PoseEstimate, in_picture

_SIDE_PX = 256  # the network's input and its mask are squares of this side
# The network's landmarks that are COCO's keypoints, in COCO's order.
_AS_COCO = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
_N_LANDMARKS = 39  # 33 of the body and 6 helpers
_CENTRE, _CIRCLE = 33, 34  # between the hips; a point of the circle around the whole body
_REGION = (
    1.25  # side of the square that the network was trained to see, over that circle's diameter
)
_MIN_REGION_PX = 8.0
_MAX_LOGIT = 60.0  # beyond it a float32 sigmoid is 0 or 1, and exp could overflow
_IS_PERSON = 0.5
_IS_SHOWN = 0.5  # probability in a landmark's heatmap
_NEAR_CELLS = 3  # half of MediaPipe's window of 7 x 7
# Before a picture shrinks k times it is smoothed by this many px times k, against aliasing:
# warpAffine has no area interpolation.
_BLUR_PER_SHRINK = 0.4
_lock = Lock()  # an interpreter holds its tensors, so one crop at a time


class _Region(NamedTuple):
    """A square of the crop, turned by `angle` radians."""

    centre_xy: tuple[float, float]
    side_px: float
    angle: float = 0.0

    def to_crop(self) -> NDArray[np.float64]:
        """Return the affine map (2, 3) from px of the network's input to px of the crop."""
        scale = self.side_px / _SIDE_PX
        cos, sin = scale * np.cos(self.angle), scale * np.sin(self.angle)
        turn = np.array([[cos, -sin], [sin, cos]])
        shift = np.array(self.centre_xy) - turn @ np.full(2, _SIDE_PX / 2)
        return np.column_stack([turn, shift])


class _Output(NamedTuple):
    """The network's output for one region."""

    landmarks_xy: NDArray[np.float32]  # (39, 2), px of the crop
    seen: NDArray[np.float32]  # (39,)
    score: float
    mask: Alpha  # (256, 256) over the region
    to_crop: NDArray[np.float64]


@cache
def _load(weights: Weights, models: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with verified_weights(weights, models) as path, _quiet():
        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
    return interpreter


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the log line that LiteRT's C++ code writes to stderr at the start.

    Redirects the file descriptor, because `sys.stderr` is not involved.
    """
    stderr = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def find_pose(rgb: Rgb, person: Box, weights: Weights, settings: Settings) -> PoseEstimate:
    """Find the pose of the person in a box of the crop.

    Runs twice: on the square around the detector's box, then on the square that the first output
    puts around the body. Each run counts half: something that looks like a body in one of them
    only, or that is guessed beyond the edge of the picture, is at most half seen
    (docs/decisions/0005).
    """
    centre_xy = ((person.x0 + person.x1) / 2, (person.y0 + person.y1) / 2)
    around = _Region(centre_xy, _REGION * max(person.width, person.height))
    with _lock:
        interpreter = _load(weights, settings.models)
        first = _run(interpreter, rgb, around)
        second = _run(interpreter, rgb, _around_body(first))
    size_wh = (rgb.shape[1], rgb.shape[0])
    seen = (_seen(first, size_wh) + _seen(second, size_wh)) * np.float32(0.5)
    chosen = second if second.score >= _IS_PERSON else first
    return PoseEstimate(chosen.landmarks_xy[_AS_COCO], seen[_AS_COCO], _mask(chosen, size_wh))


def _run(interpreter: Any, rgb: Rgb, region: _Region) -> _Output:
    to_crop = region.to_crop()
    outputs = {detail["name"]: detail["index"] for detail in interpreter.get_output_details()}
    picture = _cut_out(rgb, region, to_crop).astype(np.float32) / 255.0
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
    interpreter.invoke()
    landmarks = interpreter.get_tensor(outputs["Identity"]).reshape(_N_LANDMARKS, 5)
    seen = _sigmoid(landmarks[:, 3]) * _sigmoid(landmarks[:, 4])
    refined = refine(landmarks[:, :2], interpreter.get_tensor(outputs["Identity_3"])[0])
    points = refined @ to_crop[:, :2].T + to_crop[:, 2]
    score = float(interpreter.get_tensor(outputs["Identity_1"])[0, 0])
    mask = _sigmoid(interpreter.get_tensor(outputs["Identity_2"])[0, :, :, 0])
    return _Output(points.astype(np.float32), seen, score, mask, to_crop)


def refine(points_xy: NDArray[np.float32], heatmaps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move each landmark to the centre of mass of its heatmap in a window around it.

    `points_xy` (39, 2) in px of the input, `heatmaps` logits (64, 64, 39). A landmark moves where
    the heatmap reaches 0.5 in the window of 7 x 7 around it, as MediaPipe does for this model.
    """
    side = heatmaps.shape[0]
    refined = points_xy.copy()
    for number, (x, y) in enumerate(points_xy * (side / _SIDE_PX)):
        if not (0 <= x < side and 0 <= y < side):
            continue
        left, top = max(0, int(x) - _NEAR_CELLS), max(0, int(y) - _NEAR_CELLS)
        window = _sigmoid(
            heatmaps[top : int(y) + _NEAR_CELLS + 1, left : int(x) + _NEAR_CELLS + 1, number]
        )
        if window.max() >= _IS_SHOWN:
            ys, xs = np.mgrid[: window.shape[0], : window.shape[1]]
            centre = np.array([left + (xs * window).sum() / window.sum(),
                               top + (ys * window).sum() / window.sum()])  # fmt: skip
            refined[number] = centre * (_SIDE_PX / side)
    return refined


def _cut_out(rgb: Rgb, region: _Region, to_crop: NDArray[np.float64]) -> Rgb:
    """Return the region as the network's input, uint8 (256, 256, 3); black beyond the crop."""
    shrink = region.side_px / _SIDE_PX
    smooth = cv2.GaussianBlur(rgb, (0, 0), _BLUR_PER_SHRINK * shrink) if shrink > 1 else rgb
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cast(Rgb, cv2.warpAffine(smooth, to_crop, (_SIDE_PX, _SIDE_PX), flags=how))


def _around_body(output: _Output) -> _Region:
    """Return the square around the body, turned so that the body stands upright in it."""
    centre, circle = output.landmarks_xy[_CENTRE], output.landmarks_xy[_CIRCLE]
    dx, dy = (float(value) for value in circle - centre)
    side = max(2 * _REGION * float(np.hypot(dx, dy)), _MIN_REGION_PX)
    return _Region((float(centre[0]), float(centre[1])), side, float(np.arctan2(dx, -dy)))


def _seen(output: _Output, size_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Return the confidence of each landmark; 0 outside the picture."""
    inside = in_picture(output.landmarks_xy, size_wh)
    return (output.seen * inside * output.score).astype(np.float32)


def _mask(output: _Output, size_wh: tuple[int, int]) -> Alpha:
    """Map the region's mask to the whole crop, at most 256 px on the longer side."""
    scale = min(1.0, _SIDE_PX / max(size_wh))
    small_wh = (max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale)))
    shrink = np.array([[small_wh[0] / size_wh[0]], [small_wh[1] / size_wh[1]]])
    mask = cv2.warpAffine(output.mask, output.to_crop * shrink, small_wh, flags=cv2.INTER_LINEAR)
    return cast(Alpha, np.clip(mask, 0.0, 1.0))


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    finite = np.nan_to_num(logits, nan=-_MAX_LOGIT)
    clipped = np.clip(finite, -_MAX_LOGIT, _MAX_LOGIT)
    # Not scipy's expit: in float32 a sixth of its values differ in the last bit, and stored poses
    # must stay as they are.
    return cast(NDArray[np.float32], (1.0 / (1.0 + np.exp(-clipped))).astype(np.float32))
