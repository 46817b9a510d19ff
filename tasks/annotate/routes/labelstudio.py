"""Label Studio: tasks with brush masks as pre-annotations, and its JSON export."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tasks.annotate.routes.brush_rle import decode_brush, encode_brush
from tasks.annotate.routes.mask_picture import THRESHOLD
from tasks.annotate.routes.returned import Outgoing, Returned, refused, require_pixels, union
from tasks.common.media.images import Mask

LABEL = "person"
# Names of the controls: pre-annotations with other names are stored but not shown.
FROM_NAME, TO_NAME = "mask", "image"
IMAGES, TASKS, CONFIG = "images", "tasks.json", "config.xml"
MODEL = "matteflow"
_CONFIG = f"""<View>
  <Header value="$hint"/>
  <Image name="{TO_NAME}" value="$image" zoom="true" zoomControl="true"/>
  <BrushLabels name="{FROM_NAME}" toName="{TO_NAME}">
    <Label value="{LABEL}" background="#00ff60"/>
  </BrushLabels>
</View>
"""
_SECONDS = 60.0


def write(items: Iterable[Outgoing], folder: Path) -> None:
    """Write `images/`, `tasks.json` with the masks as predictions, and `config.xml`."""
    (folder / IMAGES).mkdir()
    tasks = []
    for item in items:
        (folder / IMAGES / f"{item.sample}.png").write_bytes(item.png)
        tasks.append(task_of(item, f"/data/local-files/?d={IMAGES}/{item.sample}.png"))
    (folder / TASKS).write_text(json.dumps(tasks, indent=1), encoding="utf-8")
    (folder / CONFIG).write_text(_CONFIG, encoding="utf-8")


def task_of(item: Outgoing, image_url: str) -> dict[str, Any]:
    """Return the task of one sample; `image_url` is where the server finds the picture."""
    data = {
        "image": image_url,
        "sample": item.sample,
        "picture_sha256": item.picture_digest,
        "hint": item.sample,
    }
    return {
        "data": data,
        "predictions": [{"model_version": MODEL, "result": [_region(item)]}],
    }


def _region(item: Outgoing) -> dict[str, Any]:
    width, height = item.size_wh
    value = {
        "format": "rle",
        "rle": encode_brush(item.mask),
        "brushlabels": [LABEL],
    }
    return {
        "id": item.sample[-10:],
        "from_name": FROM_NAME,
        "to_name": TO_NAME,
        "type": "brushlabels",
        "origin": "prediction",
        "image_rotation": 0,
        "original_width": width,
        "original_height": height,
        "value": value,
    }


def read(tasks: list[Any], file: str) -> Iterator[Returned]:
    """Read the JSON export of a project: of each task the newest annotation that counts."""
    for task in tasks:
        sample = str(task.get("data", {}).get("sample", task.get("id", "?")))
        try:
            yield _read_task(task, sample, file)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            yield refused(file, sample, f"has a malformed annotation ({error}); export it again.")


def _read_task(task: dict[str, Any], sample: str, file: str) -> Returned:
    all_annotations = task.get("annotations", [])
    annotations = [a for a in all_annotations if not a.get("was_cancelled")]
    if all_annotations and not annotations:
        return refused(file, sample, "was skipped in the editor; submit it if it is to be taken.")
    if not annotations:
        return refused(file, sample, "has no submitted annotation; submit the task.")
    newest = max(annotations, key=lambda a: str(a.get("updated_at", a.get("created_at", ""))))
    regions = [region for region in newest["result"] if "value" in region]
    kinds = sorted({str(region["type"]) for region in regions} - {"brushlabels"})
    if kinds:
        problem = f"has regions of the kind {', '.join(kinds)}; use the brush."
        return refused(file, sample, problem)
    labels = sorted({label for r in regions for label in r["value"]["brushlabels"]} - {LABEL})
    if labels:
        problem = f"has the labels {', '.join(labels)} beside '{LABEL}'; delete those regions."
        return refused(file, sample, problem)
    if any(region.get("image_rotation") for region in regions):
        return refused(file, sample, "was rotated in the editor; rotate it back and submit again.")
    sizes = {(r["original_width"], r["original_height"]) for r in regions}
    if len(sizes) != 1:
        return refused(file, sample, "is empty: no brush marks a person; mark one or skip it.")
    ((width, height),) = sizes
    require_pixels((width, height))
    masks = [_decode(region["value"]["rle"], (width, height)) for region in regions]
    lead_time = newest.get("lead_time")
    return Returned(
        file,
        sample,
        union(masks, (width, height)),
        size_wh=(width, height),
        picture_digest=task["data"].get("picture_sha256"),
        minutes=None if lead_time is None else round(float(lead_time) / _SECONDS, 2),
    )


def _decode(rle: Any, size_wh: tuple[int, int]) -> Mask:
    if not isinstance(rle, list):  # of a number, `bytes` makes as many zeros
        raise TypeError("its run lengths are no list")
    return np.asarray(decode_brush(rle, size_wh) >= THRESHOLD, np.uint8)
