"""A source with two people in a frame, its machine masks, and corrections of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import numpy as np

from tasks.annotate.stage import correct_key, correct_mattes
from tasks.common.digests import content_key
from tasks.common.files import digest_bytes
from tasks.common.media.images import Mask, encode_png, read_grey
from tasks.common.recipe.models import MatteRecipe
from tasks.common.records import CropsTable, MattesTable, MediaTable, Source, Stage
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, Matte, MediaRow
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.common.workspace.corrections import Correction, append_correction, write_mask

MEDIA = "ab" * 32
SOURCE = Source(source_id="street", uri="/clips/street.mp4")
FRAME_WH = (100, 80)
LEFT, RIGHT = Box(10, 10, 40, 70), Box(60, 10, 90, 70)  # people, px of the frame
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
RECIPE = MatteRecipe(model="u2netp", margin=0.1)


def workspace() -> Workspace:
    return Workspace.of(settings())


def write_media() -> MediaTable:
    out = _writer("download", "street")
    path, digest = out.put("street.mp4", b"frames")
    row = MediaRow(MEDIA, path, digest, 6, "video", "h264", *FRAME_WH, "25", 1.0, 0, "flat")
    return MediaTable(out.commit_rows(MediaRow, [row], [], n_in=1))


def write_crops(context: int = 5, time_s: float = 1.5) -> CropsTable:
    """Write a crop of each person; `context` px around the box are the recipe's choice."""
    out = _writer("detect", context, time_s)
    rows = []
    for number, person in enumerate((LEFT, RIGHT)):
        name, box = f"{MEDIA[:12]}-{number:02}", person.pad(context).clip(FRAME_WH)
        path, digest = out.put(f"{name}.png", encode_png(_frame()[box.slices]))
        rows.append(_crop(name, person, box, time_s, path, digest))
    return CropsTable(out.commit_rows(Crop, rows, [], n_in=len(rows)))


def _frame() -> Any:
    """Return a picture that a JPEG keeps, as photos are, uint8 (80, 100, 3)."""
    coarse = np.random.default_rng(7).integers(0, 255, (8, 10, 3), dtype=np.uint8)
    return cv2.resize(coarse, FRAME_WH, interpolation=cv2.INTER_CUBIC)


def _crop(name: str, person: Box, box: Box, time_s: float, path: str, digest: str) -> Crop:
    return Crop(name, f"{MEDIA[:12]}-f", MEDIA, time_s, FRAME_WH, "flat", person, box, 0.9, (),
                path, digest)  # fmt: skip


def write_mattes(crops: CropsTable, model: str = "u2netp", shrink: int = 2) -> MattesTable:
    """Write the masks of a model: the person's box, smaller by `shrink` px on each side."""
    out = _writer("matte", crops.key, model, shrink)
    rows = []
    for crop in workspace().rows(Crop, crops):
        mask = np.zeros((int(crop.crop_box_xyxy.height), int(crop.crop_box_xyxy.width)), np.uint8)
        mask[crop.person_in_crop.pad(-shrink).slices] = 1
        rows.append(_matte(out, crop, mask, model))
    return MattesTable(out.commit_rows(Matte, rows, [], n_in=len(rows)))


def _matte(out: ArtifactWriter, crop: Crop, mask: Mask, model: str) -> Matte:
    mask_path, mask_digest = out.put(f"{crop.crop_id}.png", encode_png(mask))
    alpha_path, alpha_digest = out.put(f"{crop.crop_id}-alpha.png", encode_png(mask * 200))
    return Matte(crop.crop_id, alpha_path, alpha_digest, mask_path, mask_digest,
                 crop.person_in_crop, 0.0, 1.0, None, None, model, "", f"rembg {model}"
                 )  # fmt: skip


def _writer(stage: Stage, *parts: Any) -> ArtifactWriter:
    return ArtifactWriter(workspace(), stage, content_key(stage, *parts))


def mask_of(table: MattesTable, number: int = 0) -> Mask:
    """Return the mask of one person's crop."""
    return read_grey(workspace().path(matte_of(table, number).mask_path))


def matte_of(table: MattesTable, number: int = 0) -> Matte:
    rows = {row.crop_id: row for row in workspace().rows(Matte, table)}
    return rows[f"{MEDIA[:12]}-{number:02}"]


def corrected(
    crops: CropsTable,
    mattes: MattesTable,
    human: Mask,
    number: int = 0,
    *,
    annotator: str = "ann",
    minutes_later: int = 0,
    **facts: Any,
) -> Correction:
    """Store a correction of one person's mask, as a received file does."""
    crop = workspace().rows(Crop, crops)[number]
    base = mask_of(mattes, number)
    png = encode_png(human)
    correction = Correction(
        media_id=MEDIA,
        time_s=crop.time_s,
        frame_size_wh=crop.frame_size_wh,
        region_xyxy=crop.crop_box_xyxy.xyxy,
        person_xyxy=crop.person_box_xyxy.xyxy,
        sample=crop.crop_id,
        picture_digest=crop.digest,
        base_digest=digest_bytes(encode_png(base)),
        mask_digest=digest_bytes(png),
        annotator=annotator,
        channel="ps",
        order="order-1",
        received_at=NOW + timedelta(minutes=minutes_later),
    )
    correction = correction.model_copy(update=facts)
    write_mask(workspace(), MEDIA, correction.base_digest, encode_png(base))
    append_correction(workspace(), correction, png)
    return correction


def correct(crops: CropsTable, mattes: MattesTable) -> MattesTable:
    """Run the stage as its task does."""
    media = write_media()
    key = correct_key(media, crops, mattes, RECIPE)
    out = ArtifactWriter(workspace(), "correct", key)
    return correct_mattes(out, SOURCE, media, crops, mattes, RECIPE)


def edited(mask: Mask, box: Box, code: int = 1) -> Mask:
    """Return a mask with a rectangle of pixels set by a person."""
    human = mask.copy()
    human[box.slices] = code
    return human
