"""People labelled by an annotator: boxes and masks come from the label map, not a detector."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label, regionprops

from tasks.common.errors import ArtifactError
from tasks.common.media.images import UNOUTLINED, Mask, read_grey
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Frame
from tasks.common.workspace.artifacts import Workspace
from tasks.detect.detector import People, Person


def labelled_people(frames: Iterable[Frame], workspace: Workspace) -> Iterator[People]:
    """Yield the people of each frame's label map, from left to right.

    Raises:
        ArtifactError: a frame has no label map, or one of another size.
    """
    for frame in frames:
        labels = _read_labels(frame, workspace)
        unoutlined = _regions(_components(labels == UNOUTLINED))
        yield People(tuple(_persons(labels)), labels, tuple(box for _, box in unoutlined))


def cut_provided_mask(labels: Mask, number: int, crop: Box) -> Mask:
    """Return the mask of one labelled person in the crop's box: uint8 (H, W), 0 and 1."""
    mask: Mask = (labels[crop.slices] == number).astype(np.uint8)
    return mask


def _read_labels(frame: Frame, workspace: Workspace) -> Mask:
    """Return the labels of a frame: uint8 (H, W), 0 or the code of a person."""
    if frame.labels_path is None:
        raise ArtifactError(f"The frame {frame.frame_id} has no labels; run the same ingest again.")
    labels = read_grey(workspace.path(frame.labels_path))
    if labels.shape != (frame.height_px, frame.width_px):
        raise ArtifactError(f"The labels of {frame.frame_id} do not have its size; run again.")
    return labels


def _persons(labels: Mask) -> list[Person]:
    persons = [
        Person(box, confidence=1.0, label=number)
        for number, box in _regions(labels)
        if number != UNOUTLINED
    ]
    return sorted(persons, key=lambda person: (person.box.x0, person.box.y0))


def _components(mask: NDArray[np.bool_]) -> NDArray[Any]:
    numbered: NDArray[Any] = label(mask)  # type: ignore[no-untyped-call]  # skimage has no types
    return numbered


def _regions(labels: NDArray[Any]) -> Iterator[tuple[int, Box]]:
    for region in regionprops(labels):  # type: ignore[no-untyped-call]  # skimage has no types
        y0, x0, y1, x1 = map(float, region.bbox)  # half-open, as in `Box`
        yield int(region.label), Box(x0, y0, x1, y1)
