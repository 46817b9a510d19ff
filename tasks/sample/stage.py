"""Turn one media file into the frames table."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from tasks.common.digests import content_key
from tasks.common.errors import SourceError
from tasks.common.media.handed import take_jpeg
from tasks.common.media.jail import Reach
from tasks.common.media.limits import decode_limits, refusing_malformed_media
from tasks.common.media.sandbox import SandboxError, stream_isolated
from tasks.common.progress import track
from tasks.common.recipe.models import SampleRecipe
from tasks.common.records import Drop, FramesTable, MediaTable, Source
from tasks.common.schema.rows import Frame, MediaRow
from tasks.common.settings import Settings, settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.common.workspace.scratch import scratch_folder
from tasks.sample import VERSION
from tasks.sample.isolated import (
    MESSAGES,
    FrameMessage,
    Message,
    SampleJob,
    sample_in_worker,
)
from tasks.sample.traits import Traits, read_traits

_JPEG_BYTES = 256 << 20  # a JPEG of 100 million pixels, at the best quality, is half as large
_MAX_PIXELS = 1 << 28  # or as many as the probe measured: what the next stages then decode


def sample_key(media: MediaTable, recipe: SampleRecipe) -> str:
    """Name the artifact by the media's bytes, this part of the recipe, and what the file hides."""
    workspace = Workspace.of(settings())
    (row,) = workspace.rows(MediaRow, media)
    traits = read_traits(row, workspace, settings())
    return content_key("sample", VERSION, media.digest, recipe, *traits.key)


def sample_media(
    out: ArtifactWriter, source: Source, media: MediaTable, recipe: SampleRecipe
) -> FramesTable:
    """Write the frames of one media file; targets in = frames kept + drops.

    Raises:
        SourceError: no frame could be decoded, or a limit stopped decoding.
    """
    return write_frames(out, media, recipe, settings())


def write_frames(
    out: ArtifactWriter, media: MediaTable, recipe: SampleRecipe, settings: Settings
) -> FramesTable:
    """Do the work of `sample_media` within the limits of these settings."""
    (row,) = out.workspace.rows(MediaRow, media)
    traits = read_traits(row, out.workspace, settings)
    # If writing fails, closing the stream kills the worker process.
    with (
        scratch_folder(settings, "sample") as folder,
        refusing_malformed_media(),
        closing(
            _sampled(row, recipe, settings, out.workspace.path(row.path), folder, traits)
        ) as messages,
    ):
        return _write(messages, row, out, folder)


def _sampled(
    media: MediaRow,
    recipe: SampleRecipe,
    settings: Settings,
    path: Path,
    folder: Path,
    traits: Traits,
) -> Generator[Message, None, None]:
    """Yield the messages of `sample_in_worker`, which decodes in a process of its own."""
    job = SampleJob(
        path=str(path),
        kind=media.kind,
        duration_s=media.duration_s,
        frame_rate=media.frame_rate,
        recipe=recipe.model_dump(mode="json"),
        folder=str(folder),
        traits=traits.model_dump(mode="json"),
    )
    longest_s = recipe.every_s * recipe.max_frames  # for containers that declare no duration
    video_s = (traits.duration_s or media.duration_s or longest_s) if media.kind == "video" else 0.0
    reach = Reach((str(path),), str(folder), file_bytes=_JPEG_BYTES)
    limits = decode_limits(settings, video_s)
    with closing(stream_isolated(sample_in_worker, job, limits, reach)) as messages:
        for message in messages:
            try:
                yield MESSAGES.validate_python(message)
            except ValidationError as error:
                raise SandboxError("crash", "The worker sent a wrong message.") from error


def _write(
    messages: Generator[Message, None, None], media: MediaRow, out: ArtifactWriter, folder: Path
) -> FramesTable:
    frames: list[Frame] = []
    drops: list[Drop] = []
    first = next(messages, None)
    if first is None or "n_targets" not in first:
        raise SandboxError("crash", "The worker did not begin with its number of targets.")
    for message in track(messages, "sample", first["n_targets"]):
        if "drop" in message:
            drops.append(Drop.model_validate(message["drop"]))
        elif "file" in message:
            frames.append(_store(message, media, out, folder))
    if not frames and not drops:
        raise SourceError("No frame of the video has a time, so that none could be chosen.")
    # Otherwise the source would count as done, and an operator would not look at it.
    if not frames and drops and all(drop.reason == "undecodable" for drop in drops):
        raise SourceError("No frame of the video could be decoded; its data are damaged.")
    return FramesTable(out.commit_rows(Frame, frames, drops, n_in=len(frames) + len(drops)))


def _store(message: FrameMessage, media: MediaRow, out: ArtifactWriter, folder: Path) -> Frame:
    """Move one JPEG of the worker into the artifact."""
    # Milliseconds, zero-padded, so that names sort by time.
    frame_id = f"{media.media_id[:12]}-{round(message['time_s'] * 1000):08d}"
    size_wh = message["width_px"], message["height_px"]
    if size_wh[0] * size_wh[1] > max(_MAX_PIXELS, media.width_px * media.height_px):
        raise SandboxError("crash", "The worker sent a frame that is larger than its video.")
    jpeg = take_jpeg(folder, message["file"], size_wh, _JPEG_BYTES)
    path, digest = out.put(f"{frame_id}.jpg", jpeg)
    return Frame(
        frame_id=frame_id,
        media_id=media.media_id,
        time_s=round(message["time_s"], 6),
        width_px=message["width_px"],
        height_px=message["height_px"],
        projection=media.projection,
        path=path,
        digest=digest,
        labels_path=media.labels_path,
        labels_digest=media.labels_digest,
        channel=media.channel,
        captured_with=media.captured_with,
    )
