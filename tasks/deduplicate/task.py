"""The task of the deduplicate room: one table of crops for everything that follows in a run."""

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome, StageResult
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.caching import run_task
from tasks.deduplicate.columns import settle_columns
from tasks.deduplicate.settle import settle
from tasks.deduplicate.stage import reuse_or_deduplicate

__all__ = ["deduplicate", "reuse_or_deduplicate", "settle", "settle_columns"]


@run_task("deduplicate")
def deduplicate(outcomes: tuple[SourceOutcome, ...], bounds: RuleBounds) -> StageResult:
    """Return the table of the distinct crops of a run with their final verdicts."""
    return reuse_or_deduplicate(outcomes, bounds, Workspace.of(settings()))
