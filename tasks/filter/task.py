"""The tasks of the filter room: `screen` before matting, `filter_verdicts` after."""

from tasks.common.records import CropsTable, MattesTable, PosesTable
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.caching import stage_task
from tasks.filter import VERSION
from tasks.filter.corrected import findings_with_people
from tasks.filter.judge import Finding
from tasks.filter.measure import measures_key
from tasks.filter.rejudge import rejudge
from tasks.filter.stage import filter_crops, filter_key, screen_crops, screen_key

__all__ = [
    "Finding",
    "filter_verdicts",
    "findings_with_people",
    "invalidate_measures",
    "rejudge",
    "screen",
]

screen = stage_task("screen", screen_crops, version=VERSION, key=screen_key)
filter_verdicts = stage_task("filter", filter_crops, version=VERSION, key=filter_key)


def invalidate_measures(
    crops: CropsTable, poses: PosesTable | None, mattes: MattesTable | None
) -> None:
    """Invalidate the stored measures of a source: those before matting or, with mattes, after."""
    Workspace.of(settings()).invalidate("measure", measures_key(crops, poses, mattes))
