"""Deliveries of strangers: what they claim is compared before anything of that size is made."""

import base64
import io
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.annotate.routes.delivery import open_delivery
from tasks.common.errors import InputError

HUGE = 200_000
SMALL = {"width": 40, "height": 30}


def coco(image: dict[str, int], segmentation: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "s.png"} | image],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": segmentation}],
        "categories": [{"id": 1, "name": "person"}],
    }


def labelstudio(size: int, rle: Any) -> list[dict[str, Any]]:
    region = {
        "type": "brushlabels",
        "original_width": size,
        "original_height": size,
        "value": {"rle": rle, "brushlabels": ["person"]},
    }
    return [{"data": {"sample": "s"}, "annotations": [{"result": [region]}]}]


def labelme(size: int, points: Any) -> dict[str, Any]:
    return {
        "imagePath": "s.png",
        "imageWidth": size,
        "imageHeight": size,
        "shapes": [{"label": "person", "points": points}],
    }


ROUND = [[50 + 40 * np.cos(t), 50 + 40 * np.sin(t)] for t in np.linspace(0, 6, 20_000)]
JSON = {
    "coco: size": coco({"width": HUGE, "height": HUGE}, [[0, 0, 9, 0, 9, 9]]),
    "coco: negative size": coco({"width": -4, "height": -4}, [[0, 0, 9, 0, 9, 9]]),
    "coco: size of run lengths": coco(SMALL, {"size": [HUGE, HUGE], "counts": [HUGE * HUGE]}),
    "coco: run that never ends": coco(SMALL, {"size": [30, 40], "counts": "o" * 20_000}),
    "coco: sum of runs": coco(SMALL, {"size": [30, 40], "counts": [10**12, 1]}),
    "coco: infinite run": coco(SMALL, {"size": [30, 40], "counts": [float("inf")]}),
    "coco: infinite size": coco({"width": float("inf"), "height": 1}, []),  # type: ignore[dict-item]
    "coco: polygon without numbers": coco(SMALL, [[float("nan")] * 6]),
    "coco: polygon that takes hours": coco(
        {"width": 4_000, "height": 4_000}, [[40 * x for xy in ROUND for x in xy]]
    ),
    "labelstudio: size": labelstudio(HUGE, [0, 0, 0, 0, 57]),
    "labelstudio: number for a list": labelstudio(4, 10**12),
    "labelstudio: words": labelstudio(4, [255] * 40),
    "labelme: size": labelme(HUGE, [[0, 0], [9, 0], [9, 9]]),
    "labelme: infinite size": labelme(float("inf"), []),  # type: ignore[arg-type]
}


def problem_of(path: Path, scratch: Path) -> str:
    """Read a delivery within 50 MB and two seconds of CPU; return what it is refused for."""
    tracemalloc.start()
    before_s = time.process_time()
    try:
        ((_, returned),) = open_delivery(path, scratch).read(None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - before_s < 2.0
    assert peak < 50_000_000
    assert returned.mask is None
    return returned.problem


@pytest.mark.parametrize("name", JSON)
def test_json_that_claims_too_much_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(json.dumps(JSON[name]))
    assert problem_of(path, tmp_path / "scratch").startswith("has a malformed")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000], ids=["lists", "keys"])
def test_json_that_is_nested_for_ever_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    assert problem_of(path, tmp_path / "scratch").startswith("is no JSON")


def cvat_xml(shape: str, size: int) -> str:
    image = f'<image id="0" name="s.png" width="{size}" height="{size}">{shape}</image>'
    return f"<annotations>{image}</annotations>"


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        pytest.param("", HUGE, id="size"),
        pytest.param(
            f'<mask label="person" rle="{10**12}" left="0" top="0" width="9" height="9"/>',
            40,
            id="runs",
        ),
        pytest.param(
            f'<mask label="person" rle="9" left="0" top="0" width="{HUGE}" height="{HUGE}"/>',
            40,
            id="mask size",
        ),
    ],
)
def test_xml_that_claims_too_much_is_refused(tmp_path: Path, shape: str, size: int) -> None:
    path = tmp_path / "s.xml"
    path.write_text(cvat_xml(shape, size))
    assert problem_of(path, tmp_path / "scratch").startswith("has a malformed shape")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_with_entities_is_refused_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "s.xml"
    bomb = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY x "xxxx">]>'
    path.write_bytes((bomb + cvat_xml("&x;", 4)).encode(encoding))
    with pytest.raises(InputError, match="document type"):
        list(open_delivery(path, tmp_path / "scratch").read(None))


def array_file(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros((4, 4), np.uint8))
    return stream.getvalue().replace(b"(4, 4), }" + b" " * 10, f"{shape}, }}".encode().ljust(19))


def test_an_array_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    text = base64.b64encode(zlib.compress(array_file((10**6, 10**6)))).decode()
    sample = {"filepath": "s.png", "mask": {"_cls": "Segmentation", "mask": {"$binary": text}}}
    (tmp_path / "d" / "samples.json").write_text(json.dumps({"samples": [sample]}))
    assert "its array is said to have" in problem_of(tmp_path / "d", tmp_path / "scratch")


def bomb_png() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    return stream.getvalue()


def _class_masks(folder: Path) -> Path:
    (folder / "d" / "SegmentationClass").mkdir(parents=True)
    (folder / "d" / "labelmap.txt").write_text("person:9,9,9::\n")
    (folder / "d" / "SegmentationClass" / "s.png").write_bytes(bomb_png())
    return folder / "d"


def _mask(folder: Path) -> Path:
    (folder / "s.png").write_bytes(bomb_png())
    return folder / "s.png"


@pytest.mark.parametrize("write", [_class_masks, _mask], ids=["CVAT masks", "PNG"])
def test_a_picture_of_400_million_pixels_is_not_decoded(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    assert "20000 x 20000 px" in problem_of(write(tmp_path), tmp_path / "scratch")
