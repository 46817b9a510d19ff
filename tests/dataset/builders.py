"""A small workspace with judged crops of some sources."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from flows.engine.publication import count_drops
from tasks.common.digests import content_key
from tasks.common.media.images import Mask, Rgb, encode_jpeg, encode_png
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Drop, Source, SourceOutcome, Stage, StageResult
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop as DetectedCrop
from tasks.common.schema.rows import JudgedCrop, Matte
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.dataset.inputs import DatasetInputs
from tasks.dataset.task import read_inputs
from tasks.deduplicate.stage import reuse_or_deduplicate
from tasks.review.stage import reuse_or_review
from tests.dataset.crops import Crop, judged_crop

BOX = (4, 2, 28, 38)
SIZE_WH = (32, 40)


def source(source_id: str, **facts: Any) -> Source:
    """Return a line of a source list."""
    return Source(source_id=source_id, uri=f"/clips/{source_id}.mp4", **facts)


def picture(name: str) -> Rgb:
    """Return a picture with noise that depends on its name alone, uint8 (40, 32, 3)."""
    seed = np.frombuffer(content_key(name).encode(), np.uint8)
    noise = np.random.default_rng(seed).integers(0, 255, (SIZE_WH[1], SIZE_WH[0], 3))
    return noise.astype(np.uint8)


def person_mask() -> Mask:
    """Return a mask with a rectangle of person in it, uint8 (40, 32), 0 and 1."""
    mask = np.zeros(SIZE_WH[::-1], np.uint8)
    mask[6:36, 8:24] = 1
    return mask


def judged(
    workspace: Workspace,
    line: Source,
    crops: Sequence[Crop],
    *,
    mask: Mask | None = None,
    media: str | None = None,
) -> SourceOutcome:
    """Write the artifacts of one source that came through all stages.

    `media` names the bytes of the source; two sources with one media have the same crops.
    """
    media = media or line.source_id
    detected = _detect(workspace, media, crops)
    matted = _matte(workspace, media, crops, person_mask() if mask is None else mask)
    final = _filter(workspace, line, media, crops)
    return SourceOutcome(source=line, stages=(detected, matted, final))


def _writer(workspace: Workspace, stage: Stage, *parts: Any) -> ArtifactWriter:
    return ArtifactWriter(workspace, stage, content_key(stage, *parts))


def _names(media: str, crops: Sequence[Crop]) -> list[tuple[Crop, str]]:
    return [(crop, f"{media}-{crop.name}") for crop in crops]


def _detect(workspace: Workspace, media: str, crops: Sequence[Crop]) -> StageResult:
    out = _writer(workspace, "detect", media, repr(crops))
    rows = []
    for crop, crop_id in _names(media, crops):
        path, digest = out.put(f"{content_key(crop_id)}.jpg", encode_jpeg(picture(crop_id), 95))
        row = replace(_detected(media, crop_id), others_xyxy=crop.others_xyxy)
        rows.append(replace(row, path=path, digest=digest))
    return out.commit_rows(DetectedCrop, rows, [], n_in=len(rows))


def _detected(media: str, crop_id: str) -> DetectedCrop:
    return DetectedCrop(
        crop_id,
        frame_id=f"{media}-f",
        media_id=media,
        time_s=1.5,
        frame_size_wh=(100, 80),
        projection="flat",
        person_box_xyxy=Box(14, 12, 38, 48),
        crop_box_xyxy=Box(10, 10, 42, 50),
        confidence=0.9,
        others_xyxy=(),
        path="",
        digest="",
    )


def _matte(workspace: Workspace, media: str, crops: Sequence[Crop], mask: Mask) -> StageResult:
    out = _writer(workspace, "matte", media, repr(crops), mask.tolist())
    rows = []
    for crop, crop_id in _names(media, crops):
        if crop.has_matte:
            path, digest = out.put(f"{content_key(crop_id)}.png", encode_png(mask))
            matte = replace(_matted(crop_id), alpha_path=path, alpha_digest=digest)
            rows.append(replace(matte, mask_path=path, mask_digest=digest))
    return out.commit_rows(Matte, rows, [], n_in=len(rows))


def _matted(crop_id: str) -> Matte:
    return Matte(
        crop_id,
        alpha_path="",
        alpha_digest="",
        mask_path="",
        mask_digest="",
        tight_box_xyxy=Box(*BOX),
        raw_min=0.0,
        raw_max=1.0,
        second_path=None,
        second_digest=None,
        model="u2netp",
        model_digest="",
        channel=None,
    )


def _filter(workspace: Workspace, line: Source, media: str, crops: Sequence[Crop]) -> StageResult:
    out = _writer(workspace, "filter", line.source_id, media, repr(crops))
    rows = [judged_crop(crop, crop_id) for crop, crop_id in _names(media, crops)]
    drops = [
        Drop(
            item=row.crop_id,
            stage="filter",
            reason=row.reason or "none",
            value=row.value,
            bound=row.bound,
            sentence=row.sentence or "",
        )
        for row in rows
        if row.verdict == "drop"
    ]
    return out.commit_rows(JudgedCrop, rows, drops, n_in=len(rows))


def verdicts_only(
    workspace: Workspace, line: Source, crops: Sequence[Crop], *, media: str | None = None
) -> SourceOutcome:
    """Write the tables of one source that came through, but no picture."""
    media = media or line.source_id
    named = _names(media, crops)
    detected = [_detected(media, crop_id) for _, crop_id in named]
    mattes = [_matted(crop_id) for crop, crop_id in named if crop.has_matte]
    no_pictures = (media, repr(crops), "no pictures")
    stages = (
        _writer(workspace, "detect", *no_pictures).commit_rows(
            DetectedCrop, detected, [], n_in=len(crops)
        ),
        _writer(workspace, "matte", *no_pictures).commit_rows(Matte, mattes, [], n_in=len(crops)),
        _filter(workspace, line, media, crops),
    )
    return SourceOutcome(source=line, stages=stages)


def two_sources(workspace: Workspace) -> tuple[SourceOutcome, ...]:
    """Return a source with three crops of every verdict, and one with two kept crops."""
    mixed = [
        Crop("a"),
        Crop("b", "drop", "sharpness", "Its sharpness 0.001 is below 0.008."),
        Crop("c", "review", "mask_whole", "The largest part is 95 % of the mask."),
    ]
    first = source("street", scenes=("street", "night"), licence="CC0-1.0", uploader="ann")
    second = source("cafe", scenes=("indoor",))
    return (judged(workspace, first, mixed), judged(workspace, second, [Crop("a"), Crop("b")]))


def inputs_of(
    workspace: Workspace,
    *outcomes: SourceOutcome,
    bounds: RuleBounds | None = None,
    title: str = "",
) -> DatasetInputs:
    """Return what a tree of these outcomes is made of, as the rooms before hand it over."""
    bounds = bounds or RuleBounds()
    completed = [outcome for outcome in outcomes if outcome.error is None]
    crops = reuse_or_deduplicate(completed, bounds, workspace)
    review = reuse_or_review(completed, crops, bounds, title, workspace)
    counts = count_drops(completed, crops, workspace)
    return read_inputs(outcomes, crops, review, counts, workspace)
