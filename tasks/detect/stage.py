"""Turn the frames of one source into the crops table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tasks.common.digests import content_key
from tasks.common.media.images import Rgb, encode_png, read_rgb
from tasks.common.progress import track
from tasks.common.recipe.models import DetectRecipe
from tasks.common.records import CropsTable, Drop, FramesTable, Source
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, Frame
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.detect import VERSION
from tasks.detect.crop_box import crop_box
from tasks.detect.detector import People, find_people
from tasks.detect.labelled import cut_provided_mask, labelled_people

# Rounded before they are stored: the last digits of a network differ between machines, and digests
# of later stages are made of these values.
_BOX_DECIMALS = 2
_CONFIDENCE_DECIMALS = 4


def detect_key(frames: FramesTable, recipe: DetectRecipe) -> str:
    """Name the artifact by the frames, this part of the recipe, and the weights' bytes."""
    weights = find_weights(recipe.model, "person-detector")
    return content_key("detect", VERSION, frames.digest, recipe, weights.identity)


def detect_people(
    out: ArtifactWriter, source: Source, frames: FramesTable, recipe: DetectRecipe
) -> CropsTable:
    """Write one crop per person; frames in = frames with people + drops."""
    rows = out.workspace.rows(Frame, frames)
    pictures = _Pictures(rows, out.workspace)
    # All frames of a source come from one file, so all of them have labels or none has.
    is_labelled = bool(rows) and all(frame.labels_path is not None for frame in rows)
    people_of_frames = (
        labelled_people(rows, out.workspace)
        if is_labelled
        else find_people(pictures, recipe, settings())
    )
    crops: list[Crop] = []
    drops: list[Drop] = []
    # Lock-step: the detector reads a batch ahead, and `_Pictures` holds just that.
    for frame, people in zip(rows, track(people_of_frames, "detect", len(rows)), strict=True):
        picture = pictures.take(frame.path)
        if not people.persons:
            drops.append(_no_person(frame.frame_id, recipe))
        crops += _crops(frame, picture, people, recipe, out)
    return CropsTable(out.commit_rows(Crop, crops, drops, n_in=len(rows)))


class _Pictures:
    """Reads each frame once, for the detector and for cutting the crops.

    Pictures are held between the two uses: at most one batch.
    """

    def __init__(self, frames: Sequence[Frame], workspace: Workspace):
        self._paths = [frame.path for frame in frames]
        self._workspace = workspace
        self._held: dict[str, Rgb] = {}

    def __iter__(self) -> Iterator[Rgb]:
        for path in self._paths:
            self._held[path] = read_rgb(self._workspace.path(path))
            yield self._held[path]

    def take(self, path: str) -> Rgb:
        """Return the pixels of a frame and release them."""
        held = self._held.pop(path, None)  # None for labelled frames, which skip the detector
        return read_rgb(self._workspace.path(path)) if held is None else held


def _crops(
    frame: Frame, picture: Rgb, people: People, recipe: DetectRecipe, out: ArtifactWriter
) -> Iterator[Crop]:
    """Write each person's crop with context around the box, and yield its row."""
    boxes = [_rounded(person.box) for person in people.persons]
    for number, person in enumerate(people.persons):
        # From the unrounded box: rounding first could move an edge of the crop by a px.
        box = crop_box(person.box, frame.size_wh, recipe.context)
        crop_id = f"{frame.frame_id}-{number:02d}"
        path, digest = out.put(f"{crop_id}.png", encode_png(picture[box.slices]))
        mask = _write_provided_mask(crop_id, people, number, box, out)
        yield Crop(
            crop_id=crop_id,
            frame_id=frame.frame_id,
            media_id=frame.media_id,
            time_s=frame.time_s,
            frame_size_wh=frame.size_wh,
            projection=frame.projection,
            person_box_xyxy=boxes[number],
            crop_box_xyxy=box,
            confidence=round(person.confidence, _CONFIDENCE_DECIMALS),
            others_xyxy=(*boxes[:number], *boxes[number + 1 :]),
            path=path,
            digest=digest,
            given_path=mask and mask.path,
            given_digest=mask and mask.digest,
            channel=frame.channel if mask else None,
            captured_with=frame.captured_with,
        )


class _StoredMask(NamedTuple):
    path: str
    digest: str


def _write_provided_mask(
    crop_id: str, people: People, number: int, crop: Box, out: ArtifactWriter
) -> _StoredMask | None:
    """Write the provided mask of the person in the crop's box, if there is one."""
    label = people.persons[number].label
    if people.labels is None or label is None:
        return None
    mask = cut_provided_mask(people.labels, label, crop)
    return _StoredMask(*out.put(f"{crop_id}-given.png", encode_png(mask)))


def _rounded(box: Box) -> Box:
    return Box.of(round(value, _BOX_DECIMALS) for value in box.xyxy)


def _no_person(frame_id: str, recipe: DetectRecipe) -> Drop:
    return Drop(
        item=frame_id,
        stage="detect",
        reason="no_person",
        bound=recipe.confidence,
        sentence=f"{recipe.model} sees nobody with a confidence of {recipe.confidence} or more.",
    )
