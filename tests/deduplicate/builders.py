"""Crops of a run: as `deduplicate` leaves them in a workspace, or in hand."""

from collections.abc import Sequence
from typing import Any

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, Matte, RunCrop
from tasks.common.schema.run_crops import RunCrops
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.stage import reuse_or_deduplicate
from tests.dataset.crops import Crop as CropExample
from tests.dataset.crops import judged_crop


def run_crops_of(
    workspace: Workspace, outcomes: Sequence[SourceOutcome], bounds: RuleBounds
) -> RunCrops:
    """Deduplicate the crops of these outcomes and read the artifact."""
    return workspace.run_crops(reuse_or_deduplicate(outcomes, bounds, workspace))


def run_crops(workspace: Workspace, *outcomes: SourceOutcome, **bounds: Any) -> RunCrops:
    """Return the crops of these outcomes under these bounds; without any, no rule decides."""
    return run_crops_of(workspace, outcomes, RuleBounds.model_validate(bounds))


def run_crop(source_id: str, example: CropExample, *, media: str | None = None) -> RunCrop:
    """Return a crop of a source as its filter judged it, without any file."""
    media = media or source_id
    crop_id = f"{media}-{example.name}"
    box = Box(0, 0, 32, 40)
    crop = Crop(crop_id, f"{media}-f", media, 1.5, (100, 80), "flat", box, box, 0.9, (), "", "")
    matte = Matte(crop_id, "", "", "", "", box, 0.0, 1.0, None, None, "u2netp", "", None)
    verdict = judged_crop(example, crop_id)
    return RunCrop(source_id, crop, None, matte if example.has_matte else None, verdict)
