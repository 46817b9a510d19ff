"""The person detector: an ultralytics model, loaded once per process, fed in batches."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from tasks.common.media.images import Mask, Rgb
from tasks.common.recipe.models import DetectRecipe
from tasks.common.schema.boxes import Box
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights, find_weights
from tasks.common.weights.verified import verified_weights
from tasks.common.weights.yolo import load_yolo

# Bounds memory, and the time for which the lock is held.
_BATCH = 8
_BATCH_BYTES = 64 << 20  # about three frames of 4K
_lock = Lock()


class Person(NamedTuple):
    """A person in a frame: the box in px of the frame, and the detector's confidence, 0..1.

    `label` is the person's code in the frame's label map; None if a detector found the person.
    """

    box: Box
    confidence: float
    label: int | None = None


class People(NamedTuple):
    """The people of one frame, from left to right, and its label map (H, W) if it has one.

    `unoutlined` are boxes of labelled people without an outline of their own, such as a crowd.
    """

    persons: tuple[Person, ...]
    labels: Mask | None = None
    unoutlined: tuple[Box, ...] = ()


@cache
def _load(weights: Weights, models: Path) -> Any:
    with verified_weights(weights, models) as path:
        return load_yolo(path, "detect", models)


def find_people(
    frames: Iterable[Rgb], recipe: DetectRecipe, settings: Settings
) -> Iterator[People]:
    """Yield the people of each frame, in the frames' order.

    Frames are read in batches, so at most one batch of pictures is in memory. Only one thread at a
    time uses the model, which is not thread-safe; the others read frames meanwhile.
    """
    weights = find_weights(recipe.model, "person-detector")
    for batch in _batches(frames):
        with _lock:
            model = _load(weights, settings.models)
            results = list(
                model.predict(
                    [np.ascontiguousarray(rgb[:, :, ::-1]) for rgb in batch],  # ultralytics: BGR
                    conf=recipe.confidence,
                    iou=recipe.iou,
                    imgsz=recipe.input_px,
                    classes=list(weights.person_classes),
                    # Across classes: a model with several classes of people gives one box per
                    # person this way.
                    agnostic_nms=True,
                    max_det=recipe.max_people,
                    device=settings.device,
                    stream=True,
                    verbose=False,
                )
            )
        yield from (_people(result, recipe.max_people) for result in results)


def _batches(frames: Iterable[Rgb]) -> Iterator[list[Rgb]]:
    """Group frames by number and by size: large frames take no more memory than small ones."""
    batch: list[Rgb] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == _BATCH or sum(picture.nbytes for picture in batch) >= _BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def _people(result: Any, max_people: int) -> People:
    """Return the people with the highest confidence of one ultralytics result, left to right.

    The order gives crops their numbers and so their names. It must not depend on the confidence,
    whose last digits differ between machines.
    """
    boxes = result.boxes.xyxy.cpu().numpy().astype(np.float32)
    confidences = result.boxes.conf.cpu().numpy().astype(np.float32)
    # ultralytics cuts by `max_det` as well; the stable sort makes the choice among equal
    # confidences repeatable.
    best = np.argsort(-confidences, kind="stable")[:max_people]
    order = best[np.lexsort((boxes[best, 1], boxes[best, 0]))]
    return People(
        tuple(
            Person(Box.of(box), confidence)
            for box, confidence in zip(
                boxes[order].tolist(), confidences[order].tolist(), strict=True
            )
        )
    )
