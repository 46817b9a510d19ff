"""COCO instances: one JSON per side, masks as compressed run lengths (pycocotools)."""

import json
from collections import defaultdict
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tasks.common.files import write_file
from tasks.common.media.images import read_grey
from tasks.export.samples import Item

PERSON = 1  # the category's id, as in COCO


def write_coco(items: Iterable[Item], folder: Path, label: str) -> None:
    """Write `<side>/*.jpg` and `annotations/instances_<side>.json`.

    Each picture has one annotation: the person it is cut around.
    """
    found: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(
        lambda: {"images": [], "annotations": []}
    )
    for item in items:
        side = found[item.split]
        number = len(side["images"]) + 1
        write_file(folder / item.split / f"{item.stem}.jpg", item.jpeg)
        side["images"].append(_image(item, number))
        side["annotations"].append(_annotation(item, number))
    for split, side in found.items():
        told = {"info": {"description": label}, "categories": [{"id": PERSON, "name": "person"}]}
        text = json.dumps(told | side, ensure_ascii=False, indent=1)
        write_file(folder / "annotations" / f"instances_{split}.json", text.encode())


def _image(item: Item, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": f"{item.stem}.jpg",
        "width": int(item.row["width_px"]),
        "height": int(item.row["height_px"]),
        "scenes": item.scenes,
        "source_id": item.row["source_id"],
        "licence": item.row["licence"],
    }


def _annotation(item: Item, number: int) -> dict[str, Any]:
    from pycocotools import mask as coco

    person = read_grey(BytesIO(item.png)) == PERSON
    encoded = coco.encode(np.asfortranarray(person.astype(np.uint8)))
    return {
        "id": number,
        "image_id": number,
        "category_id": PERSON,
        "iscrowd": 0,
        "area": int(coco.area(encoded)),
        "bbox": [float(value) for value in coco.toBbox(encoded)],
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
        "channel": item.row["channel"],
    }
