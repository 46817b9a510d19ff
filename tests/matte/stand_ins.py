"""Networks that mark a rectangle each, and crops for them."""

import numpy as np

from tasks.common.digests import content_key
from tasks.common.media.images import Rgb, encode_png, read_grey
from tasks.common.records import AdmittedTable, CropsTable
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Admitted, Crop
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.matte.session import Prediction

SIZE_WH = (32, 40)
# What each of the stand-ins marks as person, in px of the crop.
MARKED = {"u2netp": (8, 6, 24, 36), "isnet-small": (10, 6, 26, 36), "isnet-medium": (0, 0, 32, 40)}
DARK, LIGHT = 60, 200


class FakeNetworks:
    """Marks each model's own rectangle, brighter in brighter crops, and nothing in black ones.

    `flag` is a second rectangle that all of them mark as well.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.flag: tuple[int, int, int, int] | None = None

    def __call__(self, rgb: Rgb, weights: Weights, settings: Settings) -> Prediction:
        self.asked.append(weights.name)
        alpha = np.zeros(rgb.shape[:2], np.float32)
        x0, y0, x1, y1 = MARKED[weights.name]
        level = 0.0 if not rgb.any() else 0.6 + float(rgb.mean()) / 1000
        alpha[y0:y1, x0:x1] = level
        if self.flag is not None:
            x0, y0, x1, y1 = self.flag
            alpha[y0:y1, x0:x1] = level
        return Prediction(alpha, 0.0, level)


def write_inputs(workspace: Workspace, levels: list[int]) -> tuple[CropsTable, AdmittedTable]:
    """Write flat crops of these grey levels, all of them admitted."""
    out = ArtifactWriter(workspace, "detect", content_key("detect", levels))
    rows = []
    for number, level in enumerate(levels):
        pixels = np.full((*SIZE_WH[::-1], 3), level, np.uint8)
        path, digest = out.put(f"c{number}.png", encode_png(pixels))
        rows.append(
            Crop(
                f"c{number}",
                frame_id="f",
                media_id="m",
                time_s=0.0,
                frame_size_wh=(100, 80),
                projection="flat",
                person_box_xyxy=Box(14, 12, 38, 48),
                crop_box_xyxy=Box(10, 10, 42, 50),
                confidence=0.9,
                others_xyxy=(),
                path=path,
                digest=digest,
            )
        )
    crops = out.commit_rows(Crop, rows, [], n_in=len(rows))
    admitted = [Admitted(row.crop_id) for row in rows]
    writer = ArtifactWriter(workspace, "screen", content_key("screen", levels))
    screened = writer.commit_rows(Admitted, admitted, [], n_in=len(rows))
    return CropsTable(crops), AdmittedTable(screened)


def marked(workspace: Workspace, path: str) -> tuple[int, int, int, int]:
    """Return the corners of what a stored mask or alpha marks."""
    ys, xs = np.nonzero(read_grey(workspace.path(path)))
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1
