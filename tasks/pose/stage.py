"""Turn the crops of one source into the poses table."""

from collections.abc import Callable

from tasks.common.digests import content_key
from tasks.common.media.images import Rgb, encode_png, read_rgb, to_codes
from tasks.common.progress import track
from tasks.common.recipe.models import PoseRecipe
from tasks.common.records import CropsTable, PosesTable, Source
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, Pose
from tasks.common.settings import Settings, settings
from tasks.common.weights.catalogue import Weights, find_weights
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.pose import VERSION, blazepose, yolo
from tasks.pose.keypoints import PoseEstimate

_ESTIMATORS: dict[str, Callable[[Rgb, Box, Weights, Settings], PoseEstimate]] = {
    "blazepose": blazepose.find_pose,
    "yolo": yolo.find_pose,
}
# Rounded to the precision of the models; further digits differ between machines.
_POINT_DECIMALS = 1
_SEEN_DECIMALS = 4


def pose_key(crops: CropsTable, recipe: PoseRecipe) -> str:
    """Name the artifact by the crops, this part of the recipe, and the weights' bytes."""
    weights = find_weights(recipe.model, "pose")
    return content_key("pose", VERSION, crops.digest, recipe, weights.identity)


def find_poses(
    out: ArtifactWriter, source: Source, crops: CropsTable, recipe: PoseRecipe
) -> PosesTable:
    """Write the pose of each crop's person; crops in = poses, none is dropped."""
    weights = find_weights(recipe.model, "pose")
    estimate_pose = _ESTIMATORS[str(weights.session)]
    rows = out.workspace.rows(Crop, crops)
    poses: list[Pose] = []
    for crop in track(rows, "pose", len(rows)):
        rgb = read_rgb(out.workspace.path(crop.path))
        estimate = estimate_pose(rgb, crop.person_in_crop, weights, settings())
        poses.append(_row(crop.crop_id, estimate, weights, out))
    return PosesTable(out.commit_rows(Pose, poses, [], n_in=len(rows)))


def _row(crop_id: str, estimate: PoseEstimate, weights: Weights, out: ArtifactWriter) -> Pose:
    path = digest = None
    if estimate.mask is not None:
        path, digest = out.put(f"{crop_id}.png", encode_png(to_codes(estimate.mask)))
    return Pose(
        crop_id=crop_id,
        points_xy=tuple(
            (round(x, _POINT_DECIMALS), round(y, _POINT_DECIMALS))
            for x, y in estimate.points_xy.tolist()
        ),
        seen=tuple(round(value, _SEEN_DECIMALS) for value in estimate.seen.tolist()),
        mask_path=path,
        mask_digest=digest,
        model=weights.name,
        model_digest=weights.sha256,
    )
