"""The machine's mask of a crop beside the corrected one, for people."""

from collections.abc import Sequence
from typing import NamedTuple

from tasks.annotate.apply import correct_mask, latest_of_each
from tasks.annotate.place import place_corrections
from tasks.common.media.images import Mask, read_grey
from tasks.common.records import SourceOutcome
from tasks.common.schema.rows import Crop, Matte, RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import applied, read_corrections


class Compared(NamedTuple):
    """The machine's and the corrected mask, uint8 (H, W) of the crop, and who corrected it."""

    machine: Mask
    corrected: Mask
    note: str


def compare_masks(
    outcomes: Sequence[SourceOutcome], of: RunCrop, workspace: Workspace
) -> Compared | None:
    """Return both masks of a crop of a run; None where it was not corrected.

    Raises:
        ArtifactError: a mask or table is missing or damaged.
    """
    outcome = next(o for o in outcomes if o.source.source_id == of.source_id)
    crop, matted, crops = of.crop, outcome.result("matte"), outcome.crops
    corrections = applied(read_corrections(workspace, crop.media_id))
    if matted is None or crops is None or not corrections:
        return None
    mattes = {matte.crop_id: matte for matte in workspace.rows(Matte, matted)}
    rows = [row for row in workspace.rows(Crop, crops) if row.crop_id in mattes]
    own = place_corrections(rows, corrections).by_crop.get(crop.crop_id)
    if own is None:
        return None
    machine = read_grey(workspace.path(mattes[crop.crop_id].mask_path))
    corrected = correct_mask(machine, crop, own, workspace)
    people = ", ".join(f"{c.annotator} on {c.received_at:%Y-%m-%d}" for c in latest_of_each(own))
    return Compared(machine, corrected.mask, f"{corrected.channel}, {people}")
