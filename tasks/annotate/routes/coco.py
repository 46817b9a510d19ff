"""COCO JSON with run lengths or polygons, and the polygons of labelme and X-AnyLabeling."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tasks.annotate.routes.returned import Outgoing, Returned, refused, require_pixels, union
from tasks.common.media.images import Mask
from tasks.common.media.polygons import draw_polygons
from tasks.common.media.run_lengths import decode_run_lengths, encode_run_lengths

LABEL, PERSON_ID = "person", 1
IMAGES, ANNOTATIONS = "images", "annotations.json"
_MALFORMED = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)


def write(items: Iterable[Outgoing], folder: Path) -> None:
    """Write `images/` and `annotations.json` with the masks as compressed run lengths."""
    (folder / IMAGES).mkdir()
    images, annotations = [], []
    for number, item in enumerate(items, start=1):
        name = f"{item.sample}.png"
        (folder / IMAGES / name).write_bytes(item.png)
        width, height = item.size_wh
        images.append(
            {
                "id": number,
                "file_name": name,
                "width": width,
                "height": height,
                "picture_sha256": item.picture_digest,
            }
        )
        annotations.append(_annotation(number, item.mask))
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": PERSON_ID, "name": LABEL, "supercategory": ""}],
    }
    (folder / ANNOTATIONS).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _annotation(number: int, mask: Mask) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": number,
        "category_id": PERSON_ID,
        "segmentation": encode_run_lengths(mask),
        "bbox": list(cv2.boundingRect(mask)),
        "area": int(np.count_nonzero(mask)),
        "iscrowd": 1,  # as COCO marks run lengths, so that its API reads them as such
    }


def read(content: dict[str, Any], file: str) -> Iterator[Returned]:
    """Read a COCO file: run lengths exactly, polygons as polygons."""
    names = {entry["id"]: str(entry["name"]) for entry in content.get("categories", [])}
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        by_image[annotation["image_id"]].append(annotation)
    for image in content["images"]:
        sample = Path(str(image.get("file_name", "?"))).stem
        try:
            yield _read_image(image, by_image[image["id"]], names, file)
        except _MALFORMED as error:
            yield refused(file, sample, f"has a malformed annotation ({error}); export it again.")


def _read_image(
    image: dict[str, Any], annotations: list[dict[str, Any]], names: dict[Any, str], file: str
) -> Returned:
    sample = Path(image["file_name"]).stem
    labels = sorted({names.get(a["category_id"], "unknown") for a in annotations} - {LABEL})
    if labels:
        problem = f"has the labels {', '.join(labels)} beside '{LABEL}'; delete those objects."
        return refused(file, sample, problem)
    size_wh = int(image["width"]), int(image["height"])
    require_pixels(size_wh)
    segmentations = [annotation.get("segmentation") for annotation in annotations]
    if annotations and not any(segmentations):
        problem = "has objects without a segmentation; export boxes and masks, not boxes alone."
        return refused(file, sample, problem)
    is_polygon = any(isinstance(segmentation, list) for segmentation in segmentations)
    return Returned(
        file,
        sample,
        union([_draw(segmentation, size_wh) for segmentation in segmentations], size_wh),
        size_wh=size_wh,
        picture_digest=image.get("picture_sha256"),
        is_polygon=is_polygon,
    )


def _draw(segmentation: Any, size_wh: tuple[int, int]) -> Mask:
    if isinstance(segmentation, list):
        return draw_polygons(segmentation, size_wh)
    return decode_run_lengths(segmentation, size_wh)


def read_labelme(content: dict[str, Any], path: Path, file: str) -> Returned:
    """Read the JSON of one picture by labelme or X-AnyLabeling."""
    sample = Path(str(content.get("imagePath") or path.name)).stem
    try:
        shapes = content["shapes"]
        labels = sorted({str(shape["label"]) for shape in shapes} - {LABEL})
        if labels:
            problem = f"has the labels {', '.join(labels)} beside '{LABEL}'; delete those shapes."
            return refused(file, sample, problem)
        kinds = sorted({str(shape.get("shape_type", "polygon")) for shape in shapes} - {"polygon"})
        if kinds:
            problem = f"has shapes of the kind {', '.join(kinds)}; draw polygons."
            return refused(file, sample, problem)
        size_wh = int(content["imageWidth"]), int(content["imageHeight"])
        require_pixels(size_wh)
        points = [np.asarray(shape["points"], np.float64).ravel() for shape in shapes]
        mask = draw_polygons(points, size_wh)
    except _MALFORMED as error:
        return refused(file, sample, f"has a malformed shape ({error}); save it again.")
    return Returned(file, sample, mask, size_wh=size_wh, is_polygon=True)
