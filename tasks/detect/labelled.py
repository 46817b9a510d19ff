"""People whom somebody marked before: their boxes and masks are taken over, no model is asked."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from tasks.common.errors import ArtifactError
from tasks.common.media.images import Mask, encode_png, read_grey
from tasks.common.schema.tables import plain_rows
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.detect.crop_box import Box
from tasks.detect.detector import People


def read_labels(frame: dict[str, Any], out: ArtifactWriter) -> Mask | None:
    """Return the labels of a frame, uint8 (H, W); None where nobody marked it.

    Raises:
        ArtifactError: they are not of the frame's size.
    """
    if frame["labels_path"] is None:
        return None
    labels = read_grey(out.workspace.path(frame["labels_path"]))
    if labels.shape != (frame["height_px"], frame["width_px"]):
        raise ArtifactError(f"The labels of {frame['frame_id']} are not of its size; run again.")
    return labels


def marked_people(frames: pd.DataFrame, out: ArtifactWriter) -> Iterator[People]:
    """Yield the boxes of each frame's labels, from left to right, in px of the frame."""
    for frame in plain_rows(frames):
        labels = read_labels(frame, out)
        boxes = [] if labels is None else [box for _, box in _boxes(labels)]
        yield People(
            np.array(boxes, np.float32).reshape(-1, 4), np.ones(len(boxes), dtype=np.float32)
        )


def given_mask(
    frame: dict[str, Any],
    crop_id: str,
    number: int,
    labels: Mask | None,
    box: Box,
    out: ArtifactWriter,
) -> dict[str, Any]:
    """Write the mask of the person with this number, cut like the crop; return its columns."""
    if labels is None:
        return {}
    label, _ = _boxes(labels)[number]
    x0, y0, x1, y1 = box
    mask = (labels[y0:y1, x0:x1] == label).astype(np.uint8)
    path, digest = out.put(f"{crop_id}-given.png", encode_png(mask))
    return {"given_path": path, "given_digest": digest, "channel": frame["channel"]}


def _boxes(labels: Mask) -> list[tuple[int, Box]]:
    """Return each label with its box as x0, y0, x1, y1 (whole px, ends beyond), left to right."""
    found = []
    for label in np.unique(labels[labels > 0]).tolist():
        ys, xs = np.nonzero(labels == label)
        box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
        found.append((int(label), box))
    return sorted(found, key=lambda pair: (pair[1][0], pair[1][1]))
