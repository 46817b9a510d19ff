"""How good the masks are, and how good those that the rules keep, against masks drawn by people.

    python -m benchmarks.masks FOLDER --recipe local --every 4

FOLDER holds `<sequence>/frames/*.jpg` and `<sequence>/masks/*.png` of the same names, any value
above 0 being the one marked person of the frame. Frames are run as photos, without Prefect. The
target is the detected person whose box fits the marked one best; it is matted whatever the rules
say, and compared inside its crop.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.stages import Clock, run_source, workspace_in
from tasks.common.media.images import Mask, read_grey
from tasks.common.recipe.models import Recipe, load_recipe
from tasks.common.records import Source, Stage, StageResult
from tasks.common.schema.boxes import Box
from tasks.common.schema.columns import Measures
from tasks.common.schema.rows import Crop, JudgedCrop, Matte
from tasks.common.workspace.artifacts import Workspace

GOOD, USABLE = 0.9, 0.75
_SAME_PERSON = 0.3  # IoU of boxes; below it the marked person was not detected


class Target(NamedTuple):
    """The marked person of a frame: IoU of the mask (0 where there is none), verdict, measures.

    `picture` is the crop's file; `truth` is the drawn mask in it, uint8 (H, W) of 0 and 1, `mask`
    the machine's, if any.
    """

    sequence: str
    iou: float
    verdict: str
    measures: Measures
    picture: Path
    truth: Mask
    mask: Mask | None


def targets(
    masks: Iterable[Path], recipe: Recipe, workspace: Workspace, clock: Clock
) -> Iterator[Target]:
    """Yield the target of each drawn mask; frames whose person is not detected are left out."""
    for drawn in masks:
        sequence = drawn.parents[1].name
        frame = drawn.parents[1] / "frames" / f"{drawn.stem}.jpg"
        source = Source(source_id=f"{sequence}-{drawn.stem}", uri=str(frame))
        truth = (read_grey(drawn) > 0).astype(np.uint8)
        chosen = partial(_marked, Box.of(_corners(truth)))
        given = run_source(source, recipe, workspace, clock, chosen)
        results = {result.stage: result for result in given}
        crop = _marked(Box.of(_corners(truth)), workspace.rows(Crop, results["detect"]))
        if crop is not None:
            yield _target(sequence, crop, truth[crop.crop_box_xyxy.slices], results, workspace)


def drawn_masks(folder: Path, only: set[str], every: int) -> Iterator[Path]:
    """Yield each n-th drawn mask of a folder's sequences; of all of them if `only` is empty."""
    for sequence in sorted(path for path in folder.iterdir() if (path / "masks").is_dir()):
        if not only or sequence.name in only:
            yield from sorted((sequence / "masks").glob("*.png"))[::every]


def _target(
    sequence: str,
    crop: Crop,
    truth: Mask,
    results: dict[Stage, StageResult],
    workspace: Workspace,
) -> Target:
    paths = {matte.crop_id: matte.mask_path for matte in workspace.rows(Matte, results["matte"])}
    path = paths.get(crop.crop_id)
    mask = None if path is None else read_grey(workspace.path(path))
    iou = 0.0 if mask is None else _iou(mask == 1, truth == 1)
    judged = {row.crop_id: row for row in workspace.rows(JudgedCrop, results["filter"])}
    verdict, measures = judged[crop.crop_id].verdict, judged[crop.crop_id].measures
    return Target(sequence, iou, verdict, measures, workspace.path(crop.path), truth, mask)


def _marked(marked: Box, crops: Sequence[Crop]) -> Crop | None:
    """Return the crop of the marked person; None where no person was detected there."""
    best = max(crops, key=lambda crop: crop.person_box_xyxy.iou(marked), default=None)
    if best is None or best.person_box_xyxy.iou(marked) < _SAME_PERSON:
        return None
    return best


def _corners(mask: Mask) -> tuple[int, int, int, int]:
    left, top, width, height = cv2.boundingRect(mask)
    return left, top, left + width, top + height


def _iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(mask & truth) / max(1, int(np.count_nonzero(mask | truth))))


def summary(name: str, found: Iterable[Target]) -> str:
    """Return one row of the table: all masks, then those that the rules keep."""
    rows = list(found)
    ious = np.array([row.iou for row in rows])
    kept = np.array([row.verdict == "keep" for row in rows])
    n_good = int(np.count_nonzero(ious >= GOOD))
    of_kept = ious[kept] if kept.any() else np.array([np.nan])
    return (
        f"{name:18s} {len(rows):4d}  {ious.mean():.3f} {np.mean(ious >= GOOD):.3f} "
        f"{np.mean(ious >= USABLE):.3f}  {np.count_nonzero(kept):4d}  "
        f"{np.mean(of_kept >= GOOD):.3f} {np.mean(of_kept >= USABLE):.3f}  "
        f"{int(np.count_nonzero(ious[kept] >= GOOD)) / max(1, n_good):.3f}"
    )


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """Return the parser of a benchmark on drawn masks: its folder, and which frames it takes."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=4, help="take each n-th frame")
    parser.add_argument("--only", default="", help="sequences to take, separated by commas")
    parser.add_argument("--workspace", type=Path, help="keep the artifacts in this folder")
    return parser


def masks_asked(asked: argparse.Namespace) -> list[Path]:
    """Return the drawn masks that the arguments of `parser_of` choose."""
    return list(drawn_masks(asked.folder, set(asked.only.split(",")) - {""}, asked.every))


def main() -> None:
    """Print a table by sequence, and what a target costs."""
    parser = parser_of(__doc__)
    parser.add_argument("--recipe", default="local")
    asked = parser.parse_args()
    clock, masks = Clock(), masks_asked(asked)
    with workspace_in(asked.workspace) as workspace:
        found = list(targets(masks, load_recipe(asked.recipe), workspace, clock))
    print("sequence              n   IoU >=0.90 >=0.75  kept >=0.90 >=0.75  yield")
    for sequence in sorted({target.sequence for target in found}):
        print(summary(sequence, (target for target in found if target.sequence == sequence)))
    print(summary("all", found))
    per_target = {name: round(cpu / max(1, len(found)), 2) for name, cpu in clock.cpu_s.items()}
    print("CPU seconds a target:", per_target)


if __name__ == "__main__":
    main()
