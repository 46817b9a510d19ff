"""The tasks of the filter room: `screen` before matting, `filter_verdicts` after."""

from tasks.common.artifacts import Workspace, reuse_or_make
from tasks.common.bounds import RuleBounds
from tasks.common.caching import stage_task
from tasks.common.records import Source, StageResult
from tasks.common.settings import settings
from tasks.filter import VERSION
from tasks.filter.stage import filter_crops, filter_key, screen_crops, screen_key


@stage_task("screen", version=VERSION, key=screen_key)
def screen(source: Source, crops: StageResult, recipe: RuleBounds) -> StageResult:
    """Decide which crops are worth matting."""
    return reuse_or_make(
        Workspace.of(settings()),
        "screen",
        screen_key(source, crops, recipe),
        lambda out: screen_crops(source, crops, recipe, out),
    )


@stage_task("filter", version=VERSION, key=filter_key)
def filter_verdicts(
    source: Source, crops: StageResult, mattes: StageResult, recipe: RuleBounds
) -> StageResult:
    """Give every crop of one source its verdict."""
    return reuse_or_make(
        Workspace.of(settings()),
        "filter",
        filter_key(source, crops, mattes, recipe),
        lambda out: filter_crops(source, crops, mattes, recipe, out),
    )
