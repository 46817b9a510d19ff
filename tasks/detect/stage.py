"""Turn the frames of one source into the crops table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tasks.common.digests import content_key
from tasks.common.media.images import Rgb, encode_png, read_rgb
from tasks.common.progress import track
from tasks.common.recipe.models import DetectRecipe, SphereRecipe
from tasks.common.records import CropsTable, Drop, FramesTable, Projection, Source
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop, Frame
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.detect import VERSION
from tasks.detect.crop_box import crop_box
from tasks.detect.detector import People, find_people, may_know_things
from tasks.detect.labelled import cut_provided_mask, labelled_people
from tasks.detect.sphere.stage import CutPerson, are_spheres, drop_too_wide, people_of_spheres

SPHERE_VERSION = 2
"""Raised when something else comes out of spheres; `VERSION` is that of flat frames."""
_USUAL_SPHERE = SphereRecipe()
FLAT: frozenset[Projection] = frozenset(("flat", "fisheye"))
# Rounded before they are stored: the last digits of a network differ between machines, and digests
# of later stages are made of these values.
_BOX_DECIMALS = 2
_CONFIDENCE_DECIMALS = 4


def detect_key(
    frames: FramesTable, recipe: DetectRecipe, sphere: SphereRecipe = _USUAL_SPHERE
) -> str:
    """Name the artifact by the frames, these parts of the recipe, and the weights' bytes.

    The recipe of spheres counts for spheres only: the keys of flat sources are what they were
    before spheres were known. Which they are stands in the frames' table.
    """
    weights = find_weights(recipe.model, "person-detector")
    rows = Workspace.of(settings()).rows(Frame, frames)
    is_sphere = bool(rows) and rows[0].labels_path is None and rows[0].projection not in FLAT
    own: list[object] = [SPHERE_VERSION, sphere] if is_sphere else []
    if may_know_things(weights):  # not of others: their crops are what they were
        own.append("things")
    return content_key("detect", VERSION, frames.digest, recipe, weights.identity, *own)


def detect_people(
    out: ArtifactWriter,
    source: Source,
    frames: FramesTable,
    recipe: DetectRecipe,
    sphere: SphereRecipe = _USUAL_SPHERE,
) -> CropsTable:
    """Write one crop per person; frames in = frames with people + drops.

    People in spheres whom no view shows well enough are drops, too, and count as items in.

    Raises:
        SourceError: the projection of the frames is not known.
    """
    rows = out.workspace.rows(Frame, frames)
    # All frames of a source come from one file, so all of them have labels or none has.
    is_labelled = bool(rows) and all(frame.labels_path is not None for frame in rows)
    if not is_labelled and are_spheres(rows):
        return _detect_in_spheres(out, rows, recipe, sphere)
    pictures = _Pictures(rows, out.workspace)
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


def _detect_in_spheres(
    out: ArtifactWriter, rows: Sequence[Frame], recipe: DetectRecipe, sphere: SphereRecipe
) -> CropsTable:
    crops: list[Crop] = []
    drops: list[Drop] = []
    n_too_wide = 0
    found = people_of_spheres(rows, out.workspace, recipe, sphere, settings())
    for item in track(found, "detect", len(rows)):
        crops += (_view_crop(item.frame, *person, out) for person in enumerate(item.people))
        n_too_wide += len(item.too_wide)
        drops += (
            drop_too_wide(item.frame.frame_id, number, stretch, sphere)
            for number, (_, stretch) in enumerate(item.too_wide)
        )
        if not item.people:
            drops.append(_no_person(item.frame.frame_id, recipe))
    return CropsTable(out.commit_rows(Crop, crops, drops, n_in=len(rows) + n_too_wide))


def _view_crop(frame: Frame, number: int, person: CutPerson, out: ArtifactWriter) -> Crop:
    """Write the crop of a person in a sphere; its frame is their view."""
    crop_id, placed = f"{frame.frame_id}-{number:02d}", person.placed
    path, digest = out.put(f"{crop_id}.png", encode_png(person.picture))
    return Crop(
        crop_id=crop_id,
        frame_id=frame.frame_id,
        media_id=frame.media_id,
        time_s=frame.time_s,
        frame_size_wh=placed.size_wh,
        projection=frame.projection,
        person_box_xyxy=_rounded(placed.person),
        crop_box_xyxy=placed.crop,
        confidence=round(person.confidence, _CONFIDENCE_DECIMALS),
        others_xyxy=tuple(map(_rounded, placed.others)),
        path=path,
        digest=digest,
        captured_with=frame.captured_with,
        view=placed.view,
    )


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
            others_xyxy=(*boxes[:number], *boxes[number + 1 :], *people.unoutlined),
            objects_xyxy=_objects_in(box, people),
            path=path,
            digest=digest,
            given_path=mask and mask.path,
            given_digest=mask and mask.digest,
            channel=frame.channel if mask else None,
            captured_with=frame.captured_with,
        )


def _objects_in(crop: Box, people: People) -> tuple[Box, ...] | None:
    if people.objects is None:
        return None
    return tuple(_rounded(box) for box in people.objects if box.overlaps(crop))


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
