"""Turn the crops of one source into the poses table."""

import json
from collections.abc import Callable
from typing import Any

from tasks.common.digests import content_key
from tasks.common.media.images import Rgb, encode_png, read_rgb, to_codes
from tasks.common.progress import track
from tasks.common.recipe.models import PoseRecipe
from tasks.common.records import StageResult
from tasks.common.schema.tables import POSES, make_table, plain_rows
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights, find_weights
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.pose import VERSION, blazepose, yolo
from tasks.pose.keypoints import Box, Pose

_FINDERS: dict[str, Callable[[Rgb, Box, Weights, Settings], Pose]] = {
    "blazepose": blazepose.find_pose,
    "yolo": yolo.find_pose,
}


def pose_key(crops: StageResult, recipe: PoseRecipe) -> str:
    """Name the artifact by the crops, this part of the recipe, and the weights' bytes."""
    weights = find_weights(recipe.model, "pose")
    return content_key("pose", VERSION, crops.digest, recipe, weights.identity)


def find_poses(
    crops: StageResult, recipe: PoseRecipe, settings: Settings, out: ArtifactWriter
) -> StageResult:
    """Write the pose of each crop's person; crops in = poses, none is dropped."""
    weights = find_weights(recipe.model, "pose")
    find_pose = _FINDERS[str(weights.session)]
    rows = plain_rows(out.workspace.items(crops))
    poses: list[dict[str, Any]] = []
    for crop in track(rows, "pose", len(rows)):
        rgb = read_rgb(out.workspace.path(crop["path"]))
        pose = find_pose(rgb, _person_in_crop(crop), weights, settings)
        poses.append(_row(crop["crop_id"], pose, weights, out))
    return out.commit(make_table(poses, POSES), [], n_in=len(rows))


def _person_in_crop(crop: dict[str, Any]) -> Box:
    left, top, _, _ = json.loads(crop["crop_box_xyxy"])
    x0, y0, x1, y1 = json.loads(crop["person_box_xyxy"])
    return x0 - left, y0 - top, x1 - left, y1 - top


def _row(crop_id: str, pose: Pose, weights: Weights, out: ArtifactWriter) -> dict[str, Any]:
    path = digest = None
    if pose.mask is not None:
        path, digest = out.put(f"{crop_id}.png", encode_png(to_codes(pose.mask)))
    return {
        "crop_id": crop_id,
        "points_xy": json.dumps([[round(float(v), 1) for v in xy] for xy in pose.points_xy]),
        "seen": json.dumps([round(float(value), 4) for value in pose.seen]),
        "mask_path": path,
        "mask_digest": digest,
        "model": weights.name,
        "model_digest": weights.sha256,
    }
