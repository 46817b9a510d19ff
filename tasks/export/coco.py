"""COCO instances: one JSON per split, masks as compressed run lengths (pycocotools)."""

import json
from collections import defaultdict
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tasks.common.files import write_file
from tasks.common.media.images import read_grey
from tasks.export.samples import SampleBytes

CocoObject = dict[str, Any]  # an image or annotation, as JSON
PERSON = 1  # the category's id, as in COCO


def write_coco(samples: Iterable[SampleBytes], folder: Path, label: str) -> None:
    """Write `<split>/*.jpg` and `annotations/instances_<split>.json`.

    Each image has one annotation: the person whose crop it is.
    """
    splits: dict[str, dict[str, list[CocoObject]]] = defaultdict(
        lambda: {"images": [], "annotations": []}
    )
    for sample in samples:
        split = splits[sample.row.split]
        # From 1, as in COCO; each split has ids of its own, since each is a file of its own.
        number = len(split["images"]) + 1
        write_file(folder / sample.row.split / f"{sample.row.stem}.jpg", sample.jpeg)
        split["images"].append(_image(sample, number))
        split["annotations"].append(_annotation(sample, number))
    header = {"info": {"description": label}, "categories": [{"id": PERSON, "name": "person"}]}
    for name, split in splits.items():
        # One indent: a diff of two exports shows samples, at the price of a larger file.
        text = json.dumps(header | split, ensure_ascii=False, indent=1)
        write_file(folder / "annotations" / f"instances_{name}.json", text.encode())


def _image(sample: SampleBytes, number: int) -> CocoObject:
    row = sample.row
    return {
        "id": number,
        "file_name": f"{row.stem}.jpg",
        "width": row.width_px,
        "height": row.height_px,
        # Readers of COCO ignore fields that they do not know.
        "scenes": list(row.scenes),
        "source_id": row.source_id,
        "licence": row.licence,
    }


def _annotation(sample: SampleBytes, number: int) -> CocoObject:
    # Imported here, since pycocotools is an optional dependency.
    from pycocotools import mask as coco

    person = read_grey(BytesIO(sample.png)) == PERSON
    encoded = coco.encode(
        np.asfortranarray(person.astype(np.uint8))
    )  # COCO's run lengths go down columns
    return {
        "id": number,
        "image_id": number,
        "category_id": PERSON,
        # Run lengths mark a crowd in COCO's own files, but pycocotools reads them for instances
        # too. 1 would exclude the person from evaluation.
        "iscrowd": 0,
        "area": int(coco.area(encoded)),
        "bbox": [float(value) for value in coco.toBbox(encoded)],
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
        "channel": sample.row.channel,
    }
