"""Reports of judged crops."""

from typing import Any

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome
from tasks.common.workspace.artifacts import Workspace
from tasks.review.report import draw_groups, render_report
from tests.deduplicate.builders import run_crops_of


def report_of(
    workspace: Workspace,
    *outcomes: SourceOutcome,
    title: str = "people",
    note: str = "",
    **bounds: Any,
) -> str:
    """Return the report page of these outcomes under these bounds, with freshly drawn pictures.

    `verdicts_only` writes none, so its crops are on no sheet.
    """
    limits = RuleBounds.model_validate(bounds)
    run = run_crops_of(workspace, outcomes, limits)
    groups = draw_groups([crop for crop in run.crops if crop.crop.path], workspace)
    return render_report(outcomes, run, groups, limits, workspace, title=title, note=note)
