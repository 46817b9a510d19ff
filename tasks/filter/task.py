"""The tasks of the filter room: `screen` before matting, `filter_verdicts` after."""

from tasks.common.errors import MatteflowError
from tasks.common.records import CropsTable, MattesTable, MediaTable, PosesTable
from tasks.common.schema.columns import Measures
from tasks.common.schema.rows import MediaRow
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.caching import stage_task
from tasks.common.workspace.decisions import NO_DECISIONS, DecisionSet, read_decisions
from tasks.filter import VERSION
from tasks.filter.columns import DROP, REASONS, MeasureColumns, RulingColumns
from tasks.filter.corrected import findings_with_people
from tasks.filter.judge import Finding
from tasks.filter.measure import measures_key
from tasks.filter.rejudge import rejudge
from tasks.filter.rules.trust import DRAWN
from tasks.filter.stage import filter_crops, filter_key, screen_crops, screen_key
from tasks.filter.trust import shipped_trust

__all__ = [
    "DRAWN",
    "DROP",
    "REASONS",
    "Finding",
    "MeasureColumns",
    "RulingColumns",
    "decisions_on_media",
    "explain_trust",
    "filter_verdicts",
    "findings_with_people",
    "invalidate_measures",
    "rejudge",
    "screen",
]

screen = stage_task("screen", screen_crops, version=VERSION, key=screen_key)
filter_verdicts = stage_task("filter", filter_crops, version=VERSION, key=filter_key)


def decisions_on_media(media: MediaTable | None) -> DecisionSet:
    """Return what curators decided about a source's media, for the tasks that apply it.

    What cannot be read is a problem of this source alone: its next task raises it.
    """
    if media is None:
        return NO_DECISIONS
    workspace = Workspace.of(settings())
    try:
        media_id = workspace.rows(MediaRow, media)[0].media_id
        return DecisionSet(read_decisions(workspace, media_id))
    except (MatteflowError, OSError) as error:
        return DecisionSet(problem=str(error))


def explain_trust(measures: Measures) -> str:
    """Return in words which measures moved the probability that a mask is good."""
    return shipped_trust().explain(measures)


def invalidate_measures(
    crops: CropsTable, poses: PosesTable | None, mattes: MattesTable | None
) -> None:
    """Invalidate the stored measures of a source: those before matting or, with mattes, after."""
    Workspace.of(settings()).invalidate("measure", measures_key(crops, poses, mattes))
