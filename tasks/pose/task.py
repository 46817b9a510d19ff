"""The pose task: the crops of one source become a table of poses."""

from tasks.common.recipe.models import PoseRecipe
from tasks.common.records import Source, StageResult
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace, reuse_or_make
from tasks.common.workspace.caching import stage_task
from tasks.pose import VERSION
from tasks.pose.stage import find_poses, pose_key


@stage_task("pose", version=VERSION, key=pose_key)
def pose(source: Source, crops: StageResult, recipe: PoseRecipe) -> StageResult:
    """Find out what of each person of one source can be seen."""
    return reuse_or_make(
        Workspace.of(settings()),
        "pose",
        pose_key(crops, recipe),
        lambda out: find_poses(crops, recipe, settings(), out),
    )
