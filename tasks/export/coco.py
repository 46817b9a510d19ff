"""COCO instances: one JSON per split, masks as compressed run lengths (pycocotools)."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.common.files import write_file
from tasks.common.media.images import read_grey
from tasks.common.schema.layout import IGNORE, PERSON
from tasks.export.samples import SampleBytes

CocoObject = dict[str, Any]  # an image or annotation, as JSON


def write_coco(samples: Iterable[SampleBytes], folder: Path, label: str) -> None:
    """Write `<split>/*.jpg` and `annotations/instances_<split>.json`.

    Each image has an annotation of the person whose crop it is. Ignored pixels are a second one
    with `iscrowd` 1, which evaluation leaves out and trainers skip.
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
        split["annotations"] += _annotations(sample, number, len(split["annotations"]) + 1)
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


def _annotations(sample: SampleBytes, image: int, first: int) -> Iterator[CocoObject]:
    mask = read_grey(BytesIO(sample.png))
    yield _annotation(mask == PERSON, image, first) | {"channel": sample.row.channel}
    if (mask == IGNORE).any():
        yield _annotation(mask == IGNORE, image, first + 1) | {"iscrowd": 1}


def _annotation(region: NDArray[np.bool_], image: int, number: int) -> CocoObject:
    # Imported here, since pycocotools is an optional dependency.
    from pycocotools import mask as coco

    encoded = coco.encode(
        np.asfortranarray(region.astype(np.uint8))
    )  # COCO's run lengths go down columns
    return {
        "id": number,
        "image_id": image,
        "category_id": PERSON,  # 1 in COCO as well
        # Run lengths mark a crowd in COCO's own files, but pycocotools reads them for instances
        # too. 1 would exclude the person from evaluation.
        "iscrowd": 0,
        "area": int(coco.area(encoded)),
        "bbox": [float(value) for value in coco.toBbox(encoded)],
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
    }
