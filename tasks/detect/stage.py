"""Turn the frames of one source into the crops table."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tasks.common.digests import content_key
from tasks.common.media.images import Mask, Rgb, encode_png, read_rgb
from tasks.common.progress import track
from tasks.common.recipe.models import DetectRecipe
from tasks.common.records import Drop, StageResult
from tasks.common.schema.tables import CROPS, make_table, plain_rows
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import find_weights
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.detect import VERSION
from tasks.detect.crop_box import crop_box
from tasks.detect.detector import People, find_people
from tasks.detect.labelled import given_mask, marked_people, read_labels


def detect_key(frames: StageResult, recipe: DetectRecipe) -> str:
    """Name the artifact by the frames, this part of the recipe, and the weights' bytes."""
    weights = find_weights(recipe.model, "person-detector")
    return content_key("detect", VERSION, frames.digest, recipe, weights.identity)


def detect_people(
    frames: StageResult, recipe: DetectRecipe, settings: Settings, out: ArtifactWriter
) -> StageResult:
    """Write one crop per person; frames in = frames with people + drops."""
    table = out.workspace.items(frames)
    pictures = _Pictures(table, out)
    crops: list[dict[str, Any]] = []
    drops: list[Drop] = []
    is_marked = len(table) > 0 and bool(table["labels_path"].notna().all())
    found = marked_people(table, out) if is_marked else find_people(pictures, recipe, settings)
    for frame, people in zip(plain_rows(table), track(found, "detect", len(table)), strict=True):
        picture = pictures.take(frame["path"])
        labels = read_labels(frame, out)
        if len(people.boxes_xyxy) == 0:
            drops.append(_nobody(frame["frame_id"], recipe))
        crops += _crops(frame, picture, people, labels, recipe, out)
    return out.commit(make_table(crops, CROPS), drops, n_in=len(table))


class _Pictures:
    """Reads each frame once: the detector sees it, and the crops are cut from the same pixels.

    Holds the pictures between the two, which is one batch at most.
    """

    def __init__(self, table: pd.DataFrame, out: ArtifactWriter):
        self._paths = [str(path) for path in table["path"]]
        self._out = out
        self._held: dict[str, Rgb] = {}

    def __iter__(self) -> Iterator[Rgb]:
        for path in self._paths:
            self._held[path] = read_rgb(self._out.workspace.path(path))
            yield self._held[path]

    def take(self, path: str) -> Rgb:
        held = self._held.pop(path, None)  # nothing where no detector asked for the picture
        return read_rgb(self._out.workspace.path(path)) if held is None else held


def _crops(
    frame: dict[str, Any],
    picture: Rgb,
    people: People,
    labels: Mask | None,
    recipe: DetectRecipe,
    out: ArtifactWriter,
) -> Iterator[dict[str, Any]]:
    size_wh = (int(frame["width_px"]), int(frame["height_px"]))
    boxes = [[round(float(value), 2) for value in box] for box in people.boxes_xyxy]
    for number, confidence in enumerate(people.confidences):
        x0, y0, x1, y1 = crop_box(people.boxes_xyxy[number], size_wh, recipe.context)
        crop_id = f"{frame['frame_id']}-{number:02d}"
        path, digest = out.put(f"{crop_id}.png", encode_png(picture[y0:y1, x0:x1]))
        yield {
            "crop_id": crop_id,
            "frame_id": frame["frame_id"],
            "media_id": frame["media_id"],
            "time_s": frame["time_s"],
            "frame_size_wh": json.dumps(size_wh),
            "projection": frame["projection"],
            "person_box_xyxy": json.dumps(boxes[number]),
            "crop_box_xyxy": json.dumps([x0, y0, x1, y1]),
            "confidence": round(float(confidence), 4),
            "others_xyxy": json.dumps(boxes[:number] + boxes[number + 1 :]),
            "path": path,
            "digest": digest,
            **given_mask(frame, crop_id, number, labels, (x0, y0, x1, y1), out),
        }


def _nobody(frame_id: str, recipe: DetectRecipe) -> Drop:
    return Drop(
        item=frame_id,
        stage="detect",
        reason="no_person",
        bound=recipe.confidence,
        sentence=f"{recipe.model} sees nobody with a confidence of {recipe.confidence} or more.",
    )
