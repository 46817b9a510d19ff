"""Turn one media file into the frames table."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from tasks.common.digests import content_key
from tasks.common.errors import SourceError
from tasks.common.media.limits import decode_limits, refusing_poison
from tasks.common.media.sandbox import stream_apart
from tasks.common.progress import track
from tasks.common.recipe.models import SampleRecipe
from tasks.common.records import Drop, StageResult
from tasks.common.schema.tables import FRAMES, make_table, plain_rows
from tasks.common.settings import Settings
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.common.workspace.scratch import scratch_folder
from tasks.sample import VERSION
from tasks.sample.isolated import sample_here


def sample_key(media: StageResult, recipe: SampleRecipe) -> str:
    """Name the artifact by the media's bytes and this part of the recipe."""
    return content_key("sample", VERSION, media.digest, recipe)


def sample_media(
    media: StageResult, recipe: SampleRecipe, settings: Settings, out: ArtifactWriter
) -> StageResult:
    """Write the frames of one media file; targets in = frames kept + drops.

    Raises:
        SourceError: not one frame could be decoded, or decoding had to be stopped.
    """
    row = plain_rows(out.workspace.items(media))[0]
    with (
        scratch_folder(settings, "sample") as folder,
        refusing_poison(),
        closing(
            _sampled(row, recipe, settings, str(out.workspace.path(row["path"])), folder)
        ) as told,
    ):
        return _write(told, row, out)


def _sampled(
    media: dict[str, Any], recipe: SampleRecipe, settings: Settings, path: str, folder: Path
) -> Generator[dict[str, Any], None, None]:
    job = {
        "path": path,
        "kind": media["kind"],
        "duration_s": media["duration_s"],
        "frame_rate": media["frame_rate"],
        "recipe": recipe.model_dump(mode="json"),
        "folder": str(folder),
    }
    is_video = media["kind"] == "video"
    unknown_s = recipe.every_s * recipe.max_frames  # where nobody says how long the video is
    video_s = (media["duration_s"] or unknown_s) if is_video else 0.0
    return stream_apart(sample_here, job, decode_limits(settings, video_s))


def _write(
    told: Generator[dict[str, Any], None, None], media: dict[str, Any], out: ArtifactWriter
) -> StageResult:
    rows: list[dict[str, Any]] = []
    drops: list[Drop] = []
    total = next(told)["n_targets"]
    for item in track(told, "sample", total):
        if "drop" in item:
            drops.append(Drop.model_validate(item["drop"]))
        else:
            rows.append(_store(item, media, out))
    if not rows and drops and all(drop.reason == "undecodable" for drop in drops):
        raise SourceError("No frame of the video could be decoded; its data are damaged.")
    return out.commit(make_table(rows, FRAMES), drops, n_in=len(rows) + len(drops))


def _store(item: dict[str, Any], media: dict[str, Any], out: ArtifactWriter) -> dict[str, Any]:
    frame_id = f"{media['media_id'][:12]}-{round(item['time_s'] * 1000):08d}"
    file = Path(item["file"])
    path, digest = out.put(f"{frame_id}.jpg", file.read_bytes())
    file.unlink()
    return {
        "frame_id": frame_id,
        "media_id": media["media_id"],
        "time_s": round(item["time_s"], 6),
        "width_px": item["width_px"],
        "height_px": item["height_px"],
        "projection": media["projection"],
        "path": path,
        "digest": digest,
        **{name: media[name] for name in ("labels_path", "labels_digest", "channel")},
    }
