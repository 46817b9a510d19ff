"""The ten ways in which masks come back: each writes what its tool would export."""

import base64
import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as Xml

import cv2
import numpy as np
from PIL import Image

from tasks.annotate.routes.brush_rle import encode_brush
from tasks.common.media.images import Mask, Rgb
from tasks.common.media.run_lengths import encode_run_lengths, runs_of

WHITE = 255


class Came(NamedTuple):
    """A sample as an annotator's tool saves it."""

    name: str
    rgb: Rgb
    mask: Mask
    second_label: Mask | None = None
    soft: Mask | None = None  # 8-bit alpha instead of the mask, where the form has greys
    is_disabled: bool = False

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.mask.shape[1], self.mask.shape[0]

    @property
    def grey(self) -> Mask:
        grey = self.mask * WHITE if self.soft is None else self.soft
        return grey if self.second_label is None else np.where(self.second_label == 1, 128, grey)


Export = Callable[[Sequence[Came], Path], Path]


def png_folder(samples: Sequence[Came], folder: Path) -> Path:
    for came in samples:
        Image.fromarray(came.grey.astype(np.uint8)).save(folder / f"{came.name}.png")
    return folder


def cut_outs(samples: Sequence[Came], folder: Path) -> Path:
    for came in samples:
        rgba = np.dstack([came.rgb, came.grey]).astype(np.uint8)
        Image.fromarray(rgba, "RGBA").save(folder / f"{came.name}.png")
    return folder


def removebg_zips(samples: Sequence[Came], folder: Path) -> Path:
    for came in samples:
        with zipfile.ZipFile(folder / f"{came.name}.zip", "w") as archive:
            for name, pixels in (("color.jpg", came.rgb), ("alpha.png", came.grey)):
                stream = BytesIO()
                form: dict[str, Any] = {"quality": 95} if name.endswith("jpg") else {}
                kind = "JPEG" if name.endswith("jpg") else "PNG"
                Image.fromarray(pixels.astype(np.uint8)).save(stream, kind, **form)
                archive.writestr(name, stream.getvalue())
    return folder


def psd(samples: Sequence[Came], folder: Path) -> Path:
    from psd_tools import PSDImage

    for came in samples:
        document = PSDImage.new("RGB", came.size_wh)
        picture = Image.fromarray(came.rgb)
        document.create_pixel_layer(picture, name="picture")
        person = document.create_pixel_layer(picture, name="person")
        mask = person.create_mask(Image.fromarray(came.grey.astype(np.uint8)))
        mask.disabled = came.is_disabled
        document.save(folder / f"{came.name}.psd")
    return folder


def cvat_images(samples: Sequence[Came], folder: Path) -> Path:
    root = Xml.Element("annotations")
    for number, came in enumerate(samples):
        width, height = map(str, came.size_wh)
        values = {"id": str(number), "name": f"{came.name}.png", "width": width, "height": height}
        image = Xml.SubElement(root, "image", values)
        for label, mask in _labelled(came):
            left, top, w, h = cv2.boundingRect(mask)
            if w == 0:  # how CVAT exports an empty mask: one pixel at the origin
                left, top, w, h, mask = 0, 0, 1, 1, np.ones((1, 1), np.uint8)
            runs = ", ".join(map(str, runs_of(mask[top : top + h, left : left + w])))
            box = {"left": left, "top": top, "width": w, "height": h}
            sides = {name: str(side) for name, side in box.items()}
            Xml.SubElement(image, "mask", {"label": label, "rle": runs, **sides})
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("annotations.xml", Xml.tostring(root))
    return folder / "export.zip"


def cvat_class_masks(samples: Sequence[Came], folder: Path) -> Path:
    colours = {"background": (0, 0, 0), "person": (250, 50, 83), "dog": (51, 221, 255)}
    lines = [f"{name}:{','.join(map(str, rgb))}::" for name, rgb in colours.items()]
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("labelmap.txt", "# label:color_rgb:parts:actions\n" + "\n".join(lines))
        for came in samples:
            rgb = np.zeros((*came.mask.shape, 3), np.uint8)
            for label, mask in _labelled(came):
                rgb[mask == 1] = colours[label]
            stream = BytesIO()
            Image.fromarray(rgb).save(stream, "PNG")
            archive.writestr(f"SegmentationClass/{came.name}.png", stream.getvalue())
    return folder / "export.zip"


def label_studio(samples: Sequence[Came], folder: Path) -> Path:
    tasks = []
    for came in samples:
        width, height = came.size_wh
        regions = [
            {
                "type": "brushlabels",
                "original_width": width,
                "original_height": height,
                "image_rotation": 0,
                "value": {"format": "rle", "rle": encode_brush(mask), "brushlabels": [label]},
            }
            for label, mask in _labelled(came)
        ]
        annotation = {"result": regions, "was_cancelled": False, "lead_time": 90.0}
        tasks.append({"data": {"sample": came.name}, "annotations": [annotation]})
    return _json(tasks, folder)


def coco(samples: Sequence[Came], folder: Path) -> Path:
    images, annotations = [], []
    ids = {"person": 1, "dog": 2}
    for number, came in enumerate(samples, start=1):
        width, height = came.size_wh
        name = f"{came.name}.png"
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for label, mask in _labelled(came):
            segmentation = encode_run_lengths(mask)
            annotations.append(
                {"image_id": number, "category_id": ids[label], "segmentation": segmentation}
            )
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    return _json({"images": images, "annotations": annotations, "categories": categories}, folder)


def labelme(samples: Sequence[Came], folder: Path) -> Path:
    for came in samples:
        width, height = came.size_wh
        shapes = [
            {"label": label, "shape_type": "polygon", "points": points}
            for label, mask in _labelled(came)
            for points in polygons(mask)
        ]
        content = {
            "imagePath": f"{came.name}.png",
            "imageWidth": width,
            "imageHeight": height,
            "shapes": shapes,
        }
        (folder / f"{came.name}.json").write_text(json.dumps(content))
    return folder


def polygons(mask: Mask) -> list[list[list[float]]]:
    """Return outlines as a person clicks them: along the pixels of the edge, few corners."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = [cv2.approxPolyDP(contour, 1.0, True) for contour in contours]
    return [(outline.reshape(-1, 2) + 0.5).tolist() for outline in outlines]


def fiftyone(samples: Sequence[Came], folder: Path) -> Path:
    entries = []
    for came in samples:
        stream = BytesIO()
        np.save(stream, came.grey.astype(np.uint8))
        text = base64.b64encode(zlib.compress(stream.getvalue())).decode()
        mask = {"_cls": "Segmentation", "mask": {"$binary": {"base64": text, "subType": "00"}}}
        entries.append({"filepath": f"data/{came.name}.png", "corrected": mask})
    (folder / "samples.json").write_text(json.dumps({"samples": entries}))
    (folder / "metadata.json").write_text("{}")
    return folder


def _labelled(came: Came) -> list[tuple[str, Mask]]:
    person = [("person", came.mask)]
    return person if came.second_label is None else [*person, ("dog", came.second_label)]


def _json(content: Any, folder: Path) -> Path:
    (folder / "export.json").write_text(json.dumps(content))
    return folder / "export.json"


ROUTES: dict[str, Export] = {
    "png": png_folder,
    "cut-outs": cut_outs,
    "removebg": removebg_zips,
    "psd": psd,
    "cvat-images": cvat_images,
    "cvat-masks": cvat_class_masks,
    "labelstudio": label_studio,
    "coco": coco,
    "labelme": labelme,
    "fiftyone": fiftyone,
}
EXACT = [name for name in ROUTES if name != "labelme"]
