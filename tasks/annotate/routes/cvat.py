"""CVAT: "CVAT for images 1.1" with masks as run lengths, and "Segmentation mask 1.1"."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml

import cv2
import numpy as np
from PIL import Image

from tasks.annotate.routes.returned import Outgoing, Returned, refused, require_pixels, union
from tasks.common.errors import InputError
from tasks.common.media.images import Mask
from tasks.common.media.polygons import draw_polygons
from tasks.common.media.run_lengths import mask_of_runs, runs_of

LABEL = "person"
ANNOTATIONS, IMAGES = "annotations.xml", "images"
LABEL_MAP, CLASS_MASKS = "labelmap.txt", "SegmentationClass"


def write(items: Iterable[Outgoing], folder: Path) -> None:
    """Write `images/`, `annotations.xml` to upload into a new task, and the labels of the task."""
    root = Xml.Element("annotations")
    Xml.SubElement(root, "version").text = "1.1"
    (folder / IMAGES).mkdir()
    for number, item in enumerate(items):
        name = f"{item.sample}.png"
        (folder / IMAGES / name).write_bytes(item.png)
        width, height = map(str, item.size_wh)
        values = {"id": str(number), "name": name, "width": width, "height": height}
        _add_mask(Xml.SubElement(root, "image", values), item.mask)
    Xml.indent(root)
    Xml.ElementTree(root).write(folder / ANNOTATIONS, encoding="utf-8", xml_declaration=True)
    labels = [{"name": LABEL, "type": "mask", "attributes": []}]
    (folder / "labels.json").write_text(json.dumps(labels, indent=1), encoding="utf-8")


def _add_mask(image: Xml.Element, mask: Mask) -> None:
    left, top, width, height = cv2.boundingRect(mask)
    if width == 0:
        return
    runs = runs_of(mask[top : top + height, left : left + width])
    box = {"left": left, "top": top, "width": width, "height": height}
    values = {"label": LABEL, "source": "auto", "occluded": "0", "rle": ", ".join(map(str, runs))}
    Xml.SubElement(
        image, "mask", values | {name: str(side) for name, side in box.items()} | {"z_order": "0"}
    )


def read_images(path: Path, file: str) -> Iterator[Returned]:
    """Read "CVAT for images 1.1": masks exactly, polygons as polygons.

    Raises:
        InputError: the file is no such export.
    """
    data = path.read_bytes()
    # An export has no document type; one could only define entities that explode.
    # UTF-8 alone is looked through; in UTF-16 the word would have other bytes.
    if b"\0" in data or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise InputError(
            f"{file} defines a document type, or is not UTF-8, as exports of CVAT are."
        )
    try:
        root = Xml.fromstring(data)
    except Xml.ParseError as error:
        raise InputError(f"{file} is not XML ({error}); export 'CVAT for images 1.1'.") from error
    images = root.findall("image")
    if not images:
        raise InputError(
            f"{file} has no images; export the task as 'CVAT for images 1.1', not for video."
        )
    for image in images:
        yield _read_image(image, file)


def _read_image(image: Xml.Element, file: str) -> Returned:
    sample = Path(image.get("name", "")).stem
    shapes = [shape for shape in image if shape.tag not in ("tag",)]
    labels = sorted({shape.get("label", "") for shape in shapes} - {LABEL})
    if labels:
        problem = f"has the labels {', '.join(labels)} beside '{LABEL}'; delete those shapes."
        return refused(file, sample, problem)
    kinds = sorted({shape.tag for shape in shapes} - {"mask", "polygon"})
    if kinds:
        problem = f"has shapes of the kind {', '.join(kinds)}; draw masks or polygons."
        return refused(file, sample, problem)
    try:
        size_wh = int(image.get("width", "")), int(image.get("height", ""))
        require_pixels(size_wh)
        masks = [_draw(shape, size_wh) for shape in shapes]
    except (ValueError, OverflowError) as error:
        return refused(file, sample, f"has a malformed shape ({error}); export the task again.")
    is_polygon = any(shape.tag == "polygon" for shape in shapes)
    mask = union(masks, size_wh)
    return Returned(file, sample, mask, size_wh=size_wh, is_polygon=is_polygon)


def _draw(shape: Xml.Element, size_wh: tuple[int, int]) -> Mask:
    if shape.tag == "polygon":
        points = shape.get("points", "").replace(";", ",").split(",")
        return draw_polygons([[float(number) for number in points]], size_wh)
    left, top, width, height = (int(shape.get(k, "")) for k in ("left", "top", "width", "height"))
    runs = [int(run) for run in shape.get("rle", "").split(",")]
    if left < 0 or top < 0 or left + width > size_wh[0] or top + height > size_wh[1]:
        raise ValueError("a mask lies outside of its picture")
    mask = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    mask[top : top + height, left : left + width] = mask_of_runs(runs, (width, height))
    return mask


def read_class_masks(folder: Path, file: str) -> Iterator[Returned]:
    """Read "Segmentation mask 1.1": a colour per label, named by `labelmap.txt`.

    Raises:
        InputError: the label map lacks the person's colour.
    """
    colours = _colours(folder / LABEL_MAP, file)
    for path in sorted((folder / CLASS_MASKS).glob("*.png")):
        name = f"{file}/{CLASS_MASKS}/{path.name}"
        try:
            with Image.open(path, formats=["PNG"]) as image:
                require_pixels(image.size)
                rgb = np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError) as error:
            yield refused(name, path.stem, f"cannot be read ({error}); export the task again.")
            continue
        present = {tuple(map(int, c)) for c in np.unique(rgb.reshape(-1, 3), axis=0)}
        strange = present - {(0, 0, 0), colours[LABEL]}
        if strange:
            labels = sorted(k for k, colour in colours.items() if colour in strange) or ["unknown"]
            problem = f"has the labels {', '.join(labels)} beside '{LABEL}'; delete those shapes."
            yield refused(name, path.stem, problem)
            continue
        mask = (rgb == np.array(colours[LABEL], np.uint8)).all(axis=2).astype(np.uint8)
        yield Returned(name, path.stem, mask, size_wh=(mask.shape[1], mask.shape[0]))


def _colours(path: Path, file: str) -> dict[str, tuple[int, ...]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [line.split(":") for line in lines if line.strip() and not line.startswith("#")]
        colours = {row[0]: tuple(int(value) for value in row[1].split(",")) for row in rows}
    except (OSError, ValueError, IndexError) as error:
        raise InputError(
            f"{file} has no readable {LABEL_MAP} ({error}); export 'Segmentation mask 1.1' again."
        ) from error
    if LABEL not in colours or colours[LABEL] == (0, 0, 0):
        raise InputError(f"{file}: {LABEL_MAP} has no colour for the label '{LABEL}'.")
    return colours
