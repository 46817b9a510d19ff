"""A detect artifact made by hand, and a pose model that answers what it is told."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.common.digests import content_key
from tasks.common.media.images import Alpha, Rgb, encode_png
from tasks.common.records import CropsTable
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.pose.keypoints import PoseEstimate


def grey(level: int) -> Rgb:
    """Return a flat picture, uint8 (40, 32, 3)."""
    return np.full((40, 32, 3), level, np.uint8)


def write_crops(
    workspace: Workspace,
    pictures: Sequence[Rgb],
    person: Sequence[float] = (14.5, 12.0, 38.0, 48.0),
    crop: Sequence[int] = (10, 10, 42, 50),
) -> CropsTable:
    """Write crops c0, c1, ... with one person each; all lie at the same place of their frames."""
    digests = [content_key(picture.tolist()) for picture in pictures]
    out = ArtifactWriter(workspace, "detect", content_key(digests, person, crop))
    rows = []
    for number, picture in enumerate(pictures):
        path, digest = out.put(f"c{number}.png", encode_png(picture))
        rows.append(
            Crop(
                f"c{number}",
                frame_id="f",
                media_id="m",
                time_s=0.0,
                frame_size_wh=(100, 80),
                projection="flat",
                person_box_xyxy=Box.of(person),
                crop_box_xyxy=Box.of(crop),
                confidence=0.9,
                others_xyxy=(),
                path=path,
                digest=digest,
            )
        )
    return CropsTable(out.commit_rows(Crop, rows, [], n_in=len(rows)))


class FakeFinder:
    """Answers with the brightness of the crop as position and visibility; notes what it is asked.

    `mask` is what it gives beside that, float32 in 0..1.
    """

    def __init__(self, mask: Alpha | None = None):
        self.mask = mask
        self.asked: list[tuple[Rgb, Box, str]] = []

    def __call__(self, rgb: Rgb, person: Box, weights: Weights, settings: Settings) -> PoseEstimate:
        self.asked.append((rgb, person, weights.name))
        level = float(rgb.mean())
        points: Any = np.full((17, 2), level + 0.26, np.float32)
        return PoseEstimate(points, np.full(17, level / 255, np.float32), self.mask)
