"""Turn one media file into the frames table."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image, ImageOps

from tasks.common.artifacts import ArtifactWriter
from tasks.common.errors import SourceError
from tasks.common.images import Rgb, encode_jpeg
from tasks.common.keys import content_key
from tasks.common.progress import track
from tasks.common.recipe import SampleRecipe
from tasks.common.records import Drop, StageResult
from tasks.common.tables import FRAMES, make_table, plain_rows
from tasks.sample import VERSION
from tasks.sample.frames import Sampled, StillFilter, sample_video
from tasks.sample.plan import make_plan

_SIXTEEN_TO_EIGHT = 257.0  # 65535 / 255


def sample_key(media: StageResult, recipe: SampleRecipe) -> str:
    """Name the artifact by the media's bytes and this part of the recipe."""
    return content_key("sample", VERSION, media.digest, recipe)


def sample_media(media: StageResult, recipe: SampleRecipe, out: ArtifactWriter) -> StageResult:
    """Write the frames of one media file; targets in = frames kept + drops.

    Raises:
        SourceError: not one frame could be decoded.
    """
    row = plain_rows(out.workspace.items(media))[0]
    path = str(out.workspace.path(row["path"]))
    if row["kind"] == "image":
        photo: list[Sampled | Drop] = [Sampled(0.0, _read_photo(path))]
        sampled, total = iter(photo), 1
    else:
        plan = make_plan(path, row["duration_s"], _frame_s(row["frame_rate"]), recipe)
        sampled, total = sample_video(path, plan, _aspect(path)), plan.n_targets
    return _write(sampled, total, row, recipe, out)


def _write(
    sampled: Iterator[Sampled | Drop],
    total: int,
    media: dict[str, Any],
    recipe: SampleRecipe,
    out: ArtifactWriter,
) -> StageResult:
    rows: list[dict[str, Any]] = []
    drops: list[Drop] = []
    stills = StillFilter(recipe.still_level)
    for item in track(sampled, "sample", total):
        drop = item if isinstance(item, Drop) else _refusal(item, stills, recipe)
        if drop is not None:
            drops.append(drop)
        elif isinstance(item, Sampled):
            rows.append(_store(item, media, recipe, out))
    if not rows and drops and all(drop.reason == "undecodable" for drop in drops):
        raise SourceError("No frame of the video could be decoded; its data are damaged.")
    return out.commit(make_table(rows, FRAMES), drops, n_in=len(rows) + len(drops))


def _refusal(item: Sampled, stills: StillFilter, recipe: SampleRecipe) -> Drop | None:
    height, width = item.rgb.shape[:2]
    name = f"{item.time_s:.3f}s"
    if min(height, width) < recipe.min_side_px:
        return Drop(
            item=name,
            stage="sample",
            reason="frame_too_small",
            value=min(height, width),
            bound=recipe.min_side_px,
            sentence=f"The picture has {width} x {height} px; at least {recipe.min_side_px} px on "
            "each side are needed.",
        )
    change = stills.largest_change(item.rgb)
    if stills.is_still(change) and change is not None:
        return stills.drop(name, change)
    return None


def _store(
    item: Sampled, media: dict[str, Any], recipe: SampleRecipe, out: ArtifactWriter
) -> dict[str, Any]:
    frame_id = f"{media['media_id'][:12]}-{round(item.time_s * 1000):08d}"
    path, digest = out.put(f"{frame_id}.jpg", encode_jpeg(item.rgb, recipe.jpeg_quality))
    return {
        "frame_id": frame_id,
        "media_id": media["media_id"],
        "time_s": round(item.time_s, 6),
        "width_px": item.rgb.shape[1],
        "height_px": item.rgb.shape[0],
        "projection": media["projection"],
        "path": path,
        "digest": digest,
    }


def _read_photo(path: str) -> Rgb:
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip and not scale
            codes = np.asarray(upright).astype(np.float32) / _SIXTEEN_TO_EIGHT
            grey = np.clip(np.rint(codes), 0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        return np.asarray(upright.convert("RGB"))


def _frame_s(frame_rate: str | None) -> float:
    return float(1 / Fraction(frame_rate)) if frame_rate else 0.0


def _aspect(path: str) -> Fraction:
    with av.open(path, metadata_errors="replace") as container:
        return container.streams.video[0].sample_aspect_ratio or Fraction(1)
