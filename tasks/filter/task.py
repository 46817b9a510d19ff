"""The tasks of the filter room: `screen` before matting, `filter_verdicts` after."""

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Source, StageResult
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace, reuse_or_make
from tasks.common.workspace.caching import stage_task
from tasks.filter import VERSION
from tasks.filter.finding import Finding
from tasks.filter.judge import findings_of
from tasks.filter.measure import measures_key
from tasks.filter.rejudge import rejudge
from tasks.filter.stage import filter_crops, filter_key, screen_crops, screen_key

__all__ = ["Finding", "filter_verdicts", "findings_of", "rejudge", "screen", "withdraw_measures"]


@stage_task("screen", version=VERSION, key=screen_key)
def screen(
    source: Source, crops: StageResult, poses: StageResult | None, recipe: RuleBounds
) -> StageResult:
    """Decide which crops are worth matting."""
    return reuse_or_make(
        Workspace.of(settings()),
        "screen",
        screen_key(source, crops, poses, recipe),
        lambda out: screen_crops(source, crops, poses, recipe, out),
    )


@stage_task("filter", version=VERSION, key=filter_key)
def filter_verdicts(
    source: Source,
    crops: StageResult,
    poses: StageResult | None,
    mattes: StageResult,
    recipe: RuleBounds,
) -> StageResult:
    """Give every crop of one source its verdict."""
    return reuse_or_make(
        Workspace.of(settings()),
        "filter",
        filter_key(source, crops, poses, mattes, recipe),
        lambda out: filter_crops(source, crops, poses, mattes, recipe, out),
    )


def withdraw_measures(
    crops: StageResult, poses: StageResult | None, mattes: StageResult | None
) -> None:
    """Let what the rules measured not be there any more: before matting, or with its mattes."""
    Workspace.of(settings()).withdraw("measure", measures_key(crops, poses, mattes))
