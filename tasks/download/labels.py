"""Labelled people: the annotation that came with a picture becomes a label map.

A label map is uint8 (H, W) of the upright picture's size: 0, the number of a person, or 255 where
people are who have no outline of their own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from pydantic import Field, PositiveInt

from tasks.common.errors import SourceError
from tasks.common.files import digest_bytes
from tasks.common.media.images import UNOUTLINED, Mask, encode_png
from tasks.common.media.jail import Reach
from tasks.common.media.limits import decode_limits, refusing_malformed_media
from tasks.common.media.polygons import draw_polygons, drawing_work, require_drawable
from tasks.common.media.run_lengths import decode_run_lengths
from tasks.common.media.sandbox import run_isolated
from tasks.common.records import Annotation, Media, Record, Source
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter

_MAX_PEOPLE = UNOUTLINED - 1  # the labels that uint8 holds beside 0 and this one
_N_CODES_NAMED = 8


@dataclass(frozen=True)
class LabelFile:
    """A label map as a file of the workspace, and its annotation source."""

    path: str
    digest: str
    channel: str


class PeopleInPicture(Record):
    """The COCO annotations of one picture, as the source list stored them in the workspace.

    A segmentation is a list of polygons or run lengths; `draw_labels` checks it.
    """

    width: int
    height: int
    people: list[Any]
    # Absent in most pictures, whose annotations keep their digests.
    ignored: list[Any] = Field([], exclude_if=lambda ignored: not ignored)


class _MaskJob(Record):
    """A mask file, and its codes that mean person."""

    path: str
    person: tuple[int, ...]


class _PersonBits(Record):
    """A binary mask as JSON: rows and columns, and the packed bits in hex."""

    shape: tuple[PositiveInt, PositiveInt]
    bits: str


def write_labels(source: Source, media: Media, out: ArtifactWriter) -> LabelFile | None:
    """Write the label map of an annotated picture; None where the source has no annotation.

    Raises:
        SourceError: the annotation does not belong to this picture, or labels no person.
    """
    annotation = source.annotation
    if annotation is None:
        return None
    if media.kind != "image":
        raise SourceError("Only a picture can have an annotation, but this is a video.")
    data = out.workspace.read(annotation.path)
    if data is None or digest_bytes(data) != annotation.digest:
        raise SourceError(
            f"The annotation {annotation.path} is missing or changed; read its source list again."
        )
    labels = _read_labels(annotation, data, media, out)
    # Drawn on the picture as it is stored, which an EXIF entry turns: the labels are turned, too.
    if media.rotation_deg and labels.shape == (media.width_px, media.height_px):
        labels = np.ascontiguousarray(np.rot90(labels, media.rotation_deg // 90))
    if labels.shape != (media.height_px, media.width_px):
        raise _wrong_size((labels.shape[1], labels.shape[0]), media)
    if not (labels % UNOUTLINED).any():
        raise SourceError("The annotation labels no person.")
    path, digest = out.put("labels.png", encode_png(labels))
    return LabelFile(path, digest, annotation.channel)


def _require_size(size_wh: tuple[int, int], media: Media) -> None:
    """Require the size that the probe measured, before anything of another one is allocated.

    An annotation of another size would also be drawn shifted.
    """
    sizes = [(media.width_px, media.height_px)]
    if media.rotation_deg:
        sizes.append((media.height_px, media.width_px))
    if size_wh not in sizes:
        raise _wrong_size(size_wh, media)


def _wrong_size(size_wh: tuple[int, int], media: Media) -> SourceError:
    return SourceError(
        f"The annotation has {size_wh[0]} x {size_wh[1]} px, the upright picture "
        f"{media.width_px} x {media.height_px}."
    )


def _read_labels(annotation: Annotation, data: bytes, media: Media, out: ArtifactWriter) -> Mask:
    if annotation.path.endswith(".json"):
        picture = PeopleInPicture.model_validate_json(data)
        size_wh = (picture.width, picture.height)
        _require_size(size_wh, media)
        labels = draw_labels(picture.people, size_wh)
        # Below the outlined people: their own pixels are known.
        ignored = draw_labels(picture.ignored, size_wh) if picture.ignored else labels
        labels[(labels == 0) & (ignored > 0)] = UNOUTLINED
        return labels
    # Mask files are untrusted too: in a worker process a crash costs only this source.
    # Paths and bits cross the border of the process, never pickles: the worker is not trusted.
    job = _MaskJob(path=str(out.workspace.path(annotation.path)), person=annotation.person_values)
    with refusing_malformed_media():
        answer = run_isolated(
            mask_in_worker,
            job.model_dump(mode="json"),
            decode_limits(settings()),
            Reach((job.path,)),
        )
    person = _PersonBits.model_validate(answer)
    height, width = person.shape
    _require_size((width, height), media)
    packed = np.frombuffer(bytes.fromhex(person.bits), np.uint8)
    # numpy would fill what is missing, up to any size that the worker says.
    if len(packed) != -(-height * width // 8):
        raise SourceError("The mask's bits do not fit its size.")
    return np.unpackbits(packed, count=height * width).reshape(height, width)


def mask_in_worker(values: dict[str, Any]) -> dict[str, Any]:
    """Read a mask file; the worker side of `write_labels`.

    Takes the values of a `_MaskJob` and returns those of `_PersonBits`.

    Raises:
        SourceError: the mask is not a PNG with one channel of 8 bits.
    """
    job = _MaskJob.model_validate(values)
    try:
        # One format only: each parser of Pillow is attack surface, and lossy formats blur codes.
        with Image.open(job.path, formats=["PNG"]) as image:
            if image.mode not in ("L", "P", "1"):
                raise SourceError(
                    f"The mask has the mode {image.mode}; expected codes in one channel of 8 bits."
                )
            codes = np.asarray(image)
    except UnidentifiedImageError as error:
        # Its text names our own copy of the file, which tells the user nothing.
        raise SourceError("The mask is no PNG; save it as one.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise SourceError(f"The mask cannot be read: {error}.") from error
    is_person = np.isin(codes, job.person)
    if not is_person.any():
        raise SourceError(
            f"The mask labels no person: its codes are {_listed(np.unique(codes))}, and those that "
            f"mean person {_listed(job.person)} (`person` in the list)."
        )
    person = _PersonBits(shape=is_person.shape, bits=np.packbits(is_person).tobytes().hex())
    return person.model_dump(mode="json")


def _listed(codes: Iterable[int]) -> str:
    texts = [str(code) for code in codes]
    return ", ".join(texts[:_N_CODES_NAMED]) + (", …" if len(texts) > _N_CODES_NAMED else "")


def draw_labels(people: list[Any], size_wh: tuple[int, int]) -> Mask:
    """Draw COCO segmentations as a label map, uint8 (H, W); smaller people cover larger ones.

    With scikit-image and own code rather than pycocotools (docs/decisions/0017).

    Raises:
        SourceError: there are more people than labels, or a segmentation is malformed.
    """
    if len(people) > _MAX_PEOPLE:
        raise SourceError(
            f"The picture has {len(people)} people; at most {_MAX_PEOPLE} are possible."
        )
    try:
        outlines = (polygons for polygons in people if isinstance(polygons, list))
        require_drawable(sum(drawing_work(polygons, size_wh) for polygons in outlines))
        # Drawn twice: all masks at once, of 254 people in a large picture, would need 25 GB.
        areas = [int(_draw(segmentation, size_wh).sum()) for segmentation in people]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise SourceError(f"A segmentation is malformed: {error}.") from error
    labels = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    # Largest first, so that a child in front of an adult keeps its pixels. Sorting is stable.
    order = sorted(range(len(people)), key=lambda index: -areas[index])
    for number, index in enumerate(order, start=1):
        labels[_draw(people[index], size_wh).astype(bool)] = number
    return labels


def _draw(segmentation: Any, size_wh: tuple[int, int]) -> Mask:
    if isinstance(segmentation, dict):
        return decode_run_lengths(segmentation, size_wh)
    return draw_polygons(segmentation, size_wh)
