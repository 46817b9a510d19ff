"""The mattes of a source with the corrections of people merged in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tasks.annotate import VERSION
from tasks.annotate.apply import Corrected, correct_mask
from tasks.annotate.place import Placement, place_corrections
from tasks.common.digests import content_key
from tasks.common.media.images import encode_png, read_grey
from tasks.common.media.person_part import tight_box
from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import CropsTable, Drop, MattesTable, MediaTable, Source
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, Matte, MediaRow
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.common.workspace.corrections import Correction, applied, read_corrections

UNPLACED = "no_such_crop"
_FULL = 255


class _Run(NamedTuple):
    """What one source's mattes are corrected with."""

    margin: float
    placement: Placement
    out: ArtifactWriter


def media_of(media: MediaTable, workspace: Workspace) -> str:
    """Return the sha256 of a source's bytes."""
    return workspace.rows(MediaRow, media)[0].media_id


def correct_key(
    media: MediaTable, crops: CropsTable, mattes: MattesTable, recipe: MatteRecipe
) -> str:
    """Name the artifact by crops, mattes, the margin of the tight box, and the corrections.

    Rows contain paths below the mattes' key, so it counts beside their digest. What is corrected is
    read from the workspace: a correction that comes back makes another key.
    """
    workspace = Workspace.of(settings())
    ids = [c.id for c in applied(read_corrections(workspace, media_of(media, workspace)))]
    parts = [crops.digest, mattes.key, mattes.digest, recipe.margin, ids]
    return content_key("correct", VERSION, *parts)


def correct_mattes(
    out: ArtifactWriter,
    source: Source,
    media: MediaTable,
    crops: CropsTable,
    mattes: MattesTable,
    recipe: MatteRecipe,
) -> MattesTable:
    """Write the mattes with corrections merged in; mattes + corrections without a crop = kept +
    drops.

    The drops of matting are repeated, since this table takes the place of that one.
    """
    workspace = out.workspace
    corrections = applied(read_corrections(workspace, media_of(media, workspace)))
    crop_of = {crop.crop_id: crop for crop in workspace.rows(Crop, crops)}
    rows = workspace.rows(Matte, mattes)
    matted = [crop_of[row.crop_id] for row in rows]
    placement = place_corrections(matted, corrections)
    run = _Run(recipe.margin, placement, out)
    kept: list[Matte] = []
    drops = [Drop.model_validate(row) for row in workspace.drop_rows(mattes)]
    drops += _unplaced(placement.unplaced)
    n_in = len(rows) + len(drops)
    for row in rows:
        corrected = _correct(row, crop_of[row.crop_id], run)
        if isinstance(corrected, Drop):
            drops.append(corrected)
        else:
            kept.append(corrected)
    return MattesTable(out.commit_rows(Matte, kept, drops, n_in=n_in))


def _correct(row: Matte, crop: Crop, run: _Run) -> Matte | Drop:
    """Return the row of a crop with its corrections, or the drop of an emptied mask."""
    own = run.placement.by_crop.get(crop.crop_id)
    if own is None:
        return row
    workspace = run.out.workspace
    corrected = correct_mask(read_grey(workspace.path(row.mask_path)), crop, own, workspace)
    box = _published_box(corrected, crop, run.margin)
    if box is None:
        return _emptied(crop.crop_id, corrected.channel)
    # Where people looked, the alpha is as sure as they are; elsewhere it is the network's own.
    codes = read_grey(workspace.path(row.alpha_path))
    codes = np.where(corrected.seen, corrected.mask * np.uint8(_FULL), codes).astype(np.uint8)
    mask_path, mask_digest = run.out.put(f"{crop.crop_id}.png", encode_png(corrected.mask))
    alpha_path, alpha_digest = run.out.put(f"{crop.crop_id}-alpha.png", encode_png(codes))
    return replace(
        row,
        mask_path=mask_path,
        mask_digest=mask_digest,
        alpha_path=alpha_path,
        alpha_digest=alpha_digest,
        tight_box_xyxy=box,
        channel=corrected.channel,
        foreign_share=0.0,  # what people left in the mask belongs to it
    )


def _published_box(corrected: Corrected, crop: Crop, margin: float) -> Box | None:
    """Return the tight box around the person's part and all that people drew, in px of the crop.

    A foot that an annotator drew behind an obstacle is a part of its own, but the person's.
    """
    mask = corrected.mask
    box = tight_box(mask, crop.person_in_crop, margin)
    ys, xs = np.nonzero((mask == 1) & corrected.drawn)
    if box is None or len(ys) == 0:
        return box
    drawn = Box(int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
    pad = round(margin * max(drawn.width, drawn.height))
    drawn = drawn.pad(pad).clip((mask.shape[1], mask.shape[0]))
    return Box(
        min(box.x0, drawn.x0), min(box.y0, drawn.y0), max(box.x1, drawn.x1), max(box.y1, drawn.y1)
    )


def _emptied(crop_id: str, channel: str) -> Drop:
    return Drop(
        item=crop_id,
        stage="correct",
        reason="mask_empty",
        value=0.0,
        sentence=f"The corrected mask ({channel}) marks no pixel inside the person's box.",
    )


def _unplaced(corrections: Sequence[Correction]) -> list[Drop]:
    return [
        Drop(
            item=f"{correction.sample}-{correction.id[:8]}",
            stage="correct",
            reason=UNPLACED,
            sentence=f"The mask of {correction.sample} by {correction.annotator} waits: no matted "
            f"crop of this run shows that person at {correction.time_s:.2f} s.",
        )
        for correction in corrections
    ]
