"""The pose task: the crops of one source become a table of poses."""

from tasks.common.workspace.caching import stage_task
from tasks.pose import VERSION
from tasks.pose.stage import find_poses, pose_key

pose = stage_task("pose", find_poses, version=VERSION, key=pose_key)
