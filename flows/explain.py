"""Explanation of the verdict on one crop: every measure beside its bounds, with pictures."""

from typing import NamedTuple

from flows.engine.rule_findings import list_findings
from flows.engine.run_record import RunRecord, load_run, run_folder, write_page
from tasks.annotate.task import compare_masks
from tasks.common.errors import InputError, WorldError
from tasks.common.schema.rows import RunCrop
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedowns
from tasks.deduplicate.task import reuse_or_deduplicate
from tasks.review.task import MaskPair, RuleFinding, read_crop, render_crop_page


class Explanation(NamedTuple):
    """A crop with its verdict, the finding of each rule, and the URL of a page with pictures.

    `takedown` is the sentence of the takedown that covers it, empty where there is none.
    """

    crop: RunCrop
    findings: list[RuleFinding]
    page: str
    takedown: str = ""


def explain_crop(
    crop_id: str, run: str | None, workspace: Workspace, store: str = ""
) -> Explanation:
    """Explain the verdict on one crop of the named run, or of the newest run.

    Of a crop that was taken down no page is made: it would show the person again.

    Raises:
        InputError: there is no such run, or no such crop in it.
    """
    record = load_run(workspace, run)
    bounds = record.recipe.filter
    crops = reuse_or_deduplicate(record.outcomes, bounds, workspace)
    # By the run's own bounds, so that the page explains the verdict that the run gave.
    crop = read_crop(crops, crop_id, workspace)
    source = record.sources_by_id[crop.source_id]
    takedown = _takedowns(workspace, store).find(source, crop.crop.media_id)
    findings = list_findings(crop, record.sources_by_id[crop.source_id], bounds)
    if takedown is not None:
        return Explanation(crop, findings, "", takedown.sentence())
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


def _takedowns(workspace: Workspace, store: str) -> Takedowns:
    """Return the takedowns of workspace and store; of the workspace where the store is away."""
    try:
        return Takedowns.of(workspace, open_store(store or settings().store, attempts=1))
    except (InputError, WorldError):  # a crop can be explained without a store
        return Takedowns.of(workspace)
