"""The worker side of sampling: it reads untrusted media in an isolated process."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, final

import numpy as np
from PIL import ImageOps
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict  # pydantic needs it until Python 3.12

from tasks.common.errors import SourceError
from tasks.common.media.images import Rgb, encode_jpeg, open_picture
from tasks.common.media.limits import open_video, video_stream
from tasks.common.media.profiles import as_srgb, on_white
from tasks.common.recipe.models import SampleRecipe
from tasks.common.records import Drop, Kind
from tasks.sample.frames import Sampled, StillFilter, sample_video
from tasks.sample.plan import make_plan
from tasks.sample.traits import Traits

_SIXTEEN_TO_EIGHT = 257.0  # 65535 / 255


class SampleJob(TypedDict):
    """The job of the worker, as JSON values: a media file, the recipe, a folder for JPEGs."""

    path: str
    kind: Kind
    duration_s: float | None
    frame_rate: str | None
    recipe: dict[str, Any]  # of a `SampleRecipe`
    traits: dict[str, Any]  # of `Traits`
    folder: str


@final
class TotalMessage(TypedDict):
    """The worker's first message: how many moments it will look at."""

    n_targets: int


@final
class FrameMessage(TypedDict):
    """A frame that is kept; `file` names its JPEG in the folder, which the reader removes."""

    time_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    file: str
    width_px: int
    height_px: int


@final
class DropMessage(TypedDict):
    """A moment without a frame: the values of a `Drop`."""

    drop: dict[str, Any]


Message = TotalMessage | FrameMessage | DropMessage
# The worker may have been taken over by the media: what it sends is checked.
MESSAGES: TypeAdapter[Message] = TypeAdapter(Message)


def sample_in_worker(job: SampleJob) -> Iterator[Message]:
    """Yield the number of targets, then each frame or drop, in order of time.

    The worker side of `tasks.sample.stage`; job and messages are JSON values.
    """
    recipe = SampleRecipe.model_validate(job["recipe"])
    sampled, n_targets = _open(job, recipe)
    yield TotalMessage(n_targets=n_targets)
    stills = StillFilter(recipe.still_level)
    for number, item in enumerate(sampled):
        drop = item if isinstance(item, Drop) else _drop_of(item, stills, recipe)
        if drop is not None:
            yield DropMessage(drop=drop.model_dump(mode="json"))
        elif isinstance(item, Sampled):
            file = f"{number}.jpg"
            # As a file: JSON messages would double the size of pictures.
            Path(job["folder"], file).write_bytes(encode_jpeg(item.rgb, recipe.jpeg_quality))
            height, width = item.rgb.shape[:2]
            yield FrameMessage(time_s=item.time_s, file=file, width_px=width, height_px=height)


def _open(job: SampleJob, recipe: SampleRecipe) -> tuple[Iterator[Sampled | Drop], int]:
    path, traits = job["path"], Traits.model_validate(job["traits"])
    if traits.problem is not None:
        raise SourceError(traits.problem)
    if job["kind"] == "image" or traits.is_photo:
        return iter([Sampled(0.0, _read_photo(path, traits))]), 1
    duration_s = job["duration_s"] if traits.duration_s is None else traits.duration_s
    plan = make_plan(path, duration_s, _frame_s(job["frame_rate"]), recipe, traits)
    return sample_video(path, plan, _aspect(path), traits), plan.n_targets


def _drop_of(item: Sampled, stills: StillFilter, recipe: SampleRecipe) -> Drop | None:
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
    # After the size check: a frame that is dropped for its size must not become the reference.
    change = stills.largest_change(item.rgb)
    if stills.is_still(change) and change is not None:
        return stills.drop(name, change)
    return None


def _read_photo(path: str, traits: Traits) -> Rgb:
    with open_picture(Path(path)) as image:
        upright = ImageOps.exif_transpose(image)
        if traits.has_profile:
            upright = as_srgb(upright)
        if traits.has_alpha:
            upright = on_white(upright)
        if upright.mode.startswith(
            "I"
        ):  # 16 bits a pixel, which `convert` would clip rather than scale
            codes = np.asarray(upright).astype(np.float32) / _SIXTEEN_TO_EIGHT
            grey = np.clip(np.rint(codes), 0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        return np.asarray(upright.convert("RGB"))


def _frame_s(frame_rate: str | None) -> float:
    return float(1 / Fraction(frame_rate)) if frame_rate else 0.0


def _aspect(path: str) -> Fraction | None:
    with open_video(path) as container:
        return video_stream(container).sample_aspect_ratio
