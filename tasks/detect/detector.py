"""The person detector: an ultralytics model, loaded once per process, fed in batches."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
# Worn things belong to the person (COCO's names).
_WORN = {"backpack", "tie"}
_MAX_BOXES = 300  # of all classes together, before the people are chosen
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

    `unoutlined` are boxes of labelled people without an outline of their own, such as a crowd;
    `objects` those of things that are not worn, None if the detector knows people only.
    """

    persons: tuple[Person, ...]
    labels: Mask | None = None
    unoutlined: tuple[Box, ...] = ()
    objects: tuple[Box, ...] | None = None


def may_know_things(weights: Weights) -> bool:
    """Say whether a detector may find more than people: those of COCO have one class of them.

    One that tells people apart by what they do, such as falling, has several and nothing else.
    """
    return len(weights.person_classes) == 1


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
            # A detector of people in several states gives one box per person only across classes.
            # One that knows things too must not drop a person for the bicycle under them.
            knows_things = may_know_things(weights) and len(model.names) > 1
            results = list(
                model.predict(
                    [np.ascontiguousarray(rgb[:, :, ::-1]) for rgb in batch],  # ultralytics: BGR
                    conf=recipe.confidence,
                    iou=recipe.iou,
                    imgsz=recipe.input_px,
                    classes=None if knows_things else list(weights.person_classes),
                    agnostic_nms=not knows_things,
                    max_det=_MAX_BOXES if knows_things else recipe.max_people,
                    device=settings.device,
                    stream=True,
                    verbose=False,
                )
            )
        yield from (_people(result, weights, recipe.max_people) for result in results)


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


def _people(result: Any, weights: Weights, max_people: int) -> People:
    """Return the people with the highest confidence of one ultralytics result, left to right.

    The order gives crops their numbers and so their names. It must not depend on the confidence,
    whose last digits differ between machines.
    """
    classes = result.boxes.cls.cpu().numpy().astype(int)
    is_person = np.isin(classes, weights.person_classes)
    every_box = result.boxes.xyxy.cpu().numpy().astype(np.float32)
    boxes = every_box[is_person]
    confidences = result.boxes.conf.cpu().numpy().astype(np.float32)[is_person]
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
        ),
        objects=_things(result.names, classes, every_box, weights),
    )


def _things(
    names: Mapping[int, str],
    classes: NDArray[np.int_],
    boxes: NDArray[np.float32],
    weights: Weights,
) -> tuple[Box, ...] | None:
    """Return the boxes of things that are not worn, sorted; None if it knows people only."""
    if not may_know_things(weights) or len(names) == 1:
        return None
    no_things = {*weights.person_classes, *(key for key, name in names.items() if name in _WORN)}
    return tuple(map(Box.of, sorted(boxes[~np.isin(classes, list(no_things))].tolist())))
