"""Explanation of the verdict on one crop: every measure beside its bounds, with pictures."""

from typing import NamedTuple

from flows.engine.rule_findings import list_findings
from flows.engine.run_record import RunRecord, load_run, run_folder, write_page
from tasks.annotate.task import compare_masks
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.task import reuse_or_deduplicate
from tasks.review.task import MaskPair, RuleFinding, read_crop, render_crop_page


class Explanation(NamedTuple):
    """A crop with its verdict, the finding of each rule, and the URL of a page with pictures."""

    crop: RunCrop
    findings: list[RuleFinding]
    page: str


def explain_crop(crop_id: str, run: str | None, workspace: Workspace) -> Explanation:
    """Explain the verdict on one crop of the named run, or of the newest run.

    Raises:
        InputError: there is no such run, or no such crop in it.
    """
    record = load_run(workspace, run)
    bounds = record.recipe.filter
    crops = reuse_or_deduplicate(record.outcomes, bounds, workspace)
    # By the run's own bounds, so that the page explains the verdict that the run gave.
    crop = read_crop(crops, crop_id, workspace)
    findings = list_findings(crop, record.sources_by_id[crop.source_id], bounds)
    target = f"{run_folder(record.run_id)}/explain/{crop.stem}.html"
    masks = _masks_of(crop, record, workspace)
    page = write_page(workspace, target, render_crop_page(crop, findings, workspace, masks))
    return Explanation(crop, findings, page)


def _masks_of(crop: RunCrop, record: RunRecord, workspace: Workspace) -> MaskPair | None:
    """Return the machine's mask and the corrected one; None where it was not corrected.

    Corrections that came back after the run count too: the next publication applies them.
    """
    compared = compare_masks(record.outcomes, crop, workspace)
    return None if compared is None else MaskPair(*compared)
