"""What people marked in a picture becomes a map of labels: 0, or the number of a person."""

import json
from typing import Any

import numpy as np
from PIL import Image

from tasks.common.errors import SourceError
from tasks.common.files import digest_bytes
from tasks.common.media.images import Mask, encode_png
from tasks.common.media.limits import decode_limits, refusing_malformed_media
from tasks.common.media.sandbox import run_isolated
from tasks.common.records import Annotation, Media, Source
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter

_MAX_PEOPLE = 255
_COUNT_BITS, _COUNT_MORE, _COUNT_SIGN, _COUNT_ZERO, _PLAIN_RUNS = 5, 0x20, 0x10, 48, 2


def place_annotation(source: Source, media: Media, out: ArtifactWriter) -> dict[str, Any]:
    """Write the labels of an annotated picture; return its columns of the media table.

    Raises:
        SourceError: the annotation does not belong to this picture, or marks nobody.
    """
    told = source.annotation
    if told is None:
        return {}
    if media.kind != "image":
        raise SourceError("Only a picture can bring an annotation, but this is a video.")
    data = out.workspace.read(told.path)
    if data is None or digest_bytes(data) != told.digest:
        raise SourceError(f"The annotation {told.path} is gone or changed; read its list again.")
    labels = _labels(told, data, out)
    if labels.shape != (media.height_px, media.width_px):
        raise SourceError(
            f"The annotation is {labels.shape[1]} x {labels.shape[0]} px, the picture as it is "
            f"shown {media.width_px} x {media.height_px}."
        )
    if not labels.any():
        raise SourceError("The annotation marks nobody.")
    path, digest = out.put("labels.png", encode_png(labels))
    return {"labels_path": path, "labels_digest": digest, "channel": told.channel}


def _labels(told: Annotation, data: bytes, out: ArtifactWriter) -> Mask:
    if told.path.endswith(".json"):
        values = json.loads(data)
        return draw_labels(values["people"], (values["width"], values["height"]))
    path = str(out.workspace.path(told.path))
    with refusing_malformed_media():
        read = run_isolated(
            mask_here, {"path": path, "person": told.person_values}, decode_limits(settings())
        )
    height, width = read["shape"]
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(read["bits"]), np.uint8), count=height * width)
    return bits.reshape(height, width)


def mask_here(job: dict[str, Any]) -> dict[str, Any]:
    """Read a mask file in this process: its shape, and in hex the bits that say person.

    Raises:
        SourceError: it is no single-channel picture of 8 bits.
    """
    try:
        with Image.open(job["path"], formats=["PNG"]) as image:
            if image.mode not in ("L", "P", "1"):
                raise SourceError(
                    f"The mask has the mode {image.mode}; expected codes in one channel of 8 bits."
                )
            codes = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise SourceError(f"The mask cannot be read: {error}.") from error
    is_person = np.isin(codes, job["person"])
    return {"shape": is_person.shape, "bits": np.packbits(is_person).tobytes().hex()}


def draw_labels(people: list[Any], size_wh: tuple[int, int]) -> Mask:
    """Draw COCO segmentations, uint8 (H, W); the smaller of two that overlap lies on top.

    Raises:
        SourceError: there are more people than labels, or a segmentation is malformed.
    """
    if len(people) > _MAX_PEOPLE:
        raise SourceError(f"The picture has {len(people)} people; at most {_MAX_PEOPLE} are taken.")
    try:
        masks = [_mask(one, size_wh) for one in people]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise SourceError(f"A segmentation is malformed: {error}.") from error
    labels = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    masks.sort(key=lambda mask: -int(mask.sum()))
    for number, mask in enumerate(masks, start=1):
        labels[mask.astype(bool)] = number
    return labels


def _mask(segmentation: Any, size_wh: tuple[int, int]) -> Mask:
    if isinstance(segmentation, dict):
        return _of_runs(segmentation)
    from skimage.draw import polygon

    width, height = size_wh
    mask = np.zeros((height, width), np.uint8)
    for points in segmentation:
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        # COCO counts from a pixel's corner, the drawing from its centre.
        rows, columns = polygon(  # type: ignore[no-untyped-call]
            xy[:, 1] - 0.5, xy[:, 0] - 0.5, shape=(height, width)
        )
        mask[rows, columns] = 1
    return mask


def _of_runs(rle: dict[str, Any]) -> Mask:
    """Decode run lengths as COCO's API writes them: column by column, first of background."""
    height, width = (int(side) for side in rle["size"])
    counts = rle["counts"]
    runs = _of_text(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if sum(runs) != height * width or min(runs, default=0) < 0:
        raise ValueError(f"its runs make {sum(runs)} of {height * width} pixels")
    values = np.arange(len(runs)) % 2
    return np.repeat(values, runs).astype(np.uint8).reshape(width, height).T


def _of_text(text: str) -> list[int]:
    """Decode compressed runs: 5 bits a character, from the third on as difference (maskApi.c)."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - _COUNT_ZERO
        value |= (code & (_COUNT_MORE - 1)) << shift
        shift += _COUNT_BITS
        if code & _COUNT_MORE:
            continue
        if code & _COUNT_SIGN:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > _PLAIN_RUNS else 0))
        value = shift = 0
    return runs
