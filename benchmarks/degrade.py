"""How `sharpness` and `ghosting` answer to blur, smear and double exposure made on purpose.

python -m benchmarks.degrade LABELS.csv [--recipe people] [--run NAME]

Takes the labelled crops that are not to be dropped (of one long clip every sixth), degrades each
and prints on how many the two rules fire. Sizes are shares of the person's height.
"""

import argparse
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from flows.engine.run_record import load_run
from tasks.common.media.images import Rgb
from tasks.common.recipe.bounds import Bounds
from tasks.common.recipe.models import load_recipe
from tasks.common.schema.rows import Crop, Pose
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.filter.rules import RULES
from tasks.filter.subject import Subject

Change = Callable[[Rgb, float], Rgb]
_LONG_CLIP, _EVERY = "onebyone", 6


def _as_rgb(picture: NDArray[Any]) -> Rgb:
    """OpenCV keeps the type of what it is given, which its annotations do not say."""
    return picture.astype(np.uint8, copy=False)


def blur(share: float) -> Change:
    """Defocus: a Gaussian."""
    return lambda rgb, height: _as_rgb(cv2.GaussianBlur(rgb, (0, 0), share * height))


def smear(share: float, angle: float) -> Change:
    """Motion: a line."""

    def change(rgb: Rgb, height: float) -> Rgb:
        length = max(3, int(share * height))
        kernel: NDArray[np.float32] = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
        dx, dy = length / 2 * np.cos(angle), length / 2 * np.sin(angle)
        start, end = ((round(length - s * dx), round(length - s * dy)) for s in (1, -1))
        cv2.line(kernel, start, end, 1.0, 1)
        kernel /= kernel.sum()
        return _as_rgb(cv2.filter2D(rgb, -1, kernel, borderType=cv2.BORDER_REPLICATE))

    return change


def double(share: float, weight: float, angle: float = 0.7) -> Change:
    """A second exposure, displaced."""

    def change(rgb: Rgb, height: float) -> Rgb:
        dx, dy = share * height * np.cos(angle), share * height * np.sin(angle)
        shift: NDArray[np.float32] = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moved = cv2.warpAffine(rgb, shift, rgb.shape[1::-1],
                               borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        return _as_rgb(cv2.addWeighted(rgb, 1 - weight, moved, weight, 0))

    return change


CHANGES: dict[str, Change] = {
    "as they are": lambda rgb, _: rgb,
    **{f"blur {s:.1%}": blur(s) for s in (0.004, 0.008, 0.015, 0.03)},
    **{
        f"smear {s:.0%} at {a}°": smear(s, np.radians(a))
        for s in (0.02, 0.04, 0.08)
        for a in (0, 45, 90)
    },
    **{
        f"double {s:.0%} apart, {w:.0%}": double(s, w)
        for s in (0.03, 0.06, 0.12)
        for w in (0.3, 0.5)
    },
}


def main() -> None:
    """Print one line per change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels")
    parser.add_argument("--recipe", default="people")
    parser.add_argument("--run")
    asked = parser.parse_args()
    bounds, subjects = load_recipe(asked.recipe).filter, _subjects(asked.labels, asked.run)
    table = Table("change", *(f"{rule} {what}" for rule in ("sharpness", "ghosting")
                              for what in ("drop", "look", "median")),
                  title=f"{len(subjects)} crops")  # fmt: skip
    for name, change in CHANGES.items():
        cells = []
        changed = [_changed(subject, change) for subject in subjects]
        for rule in (RULES["sharpness"], RULES["ghosting"]):
            limits = bounds.of(rule.name)
            if rule.measure is None or not isinstance(limits, Bounds):
                raise SystemExit(f"the recipe sets no bounds for {rule.name}")
            values = [rule.measure(subject) for subject in changed]
            verdicts = [rule.judge(value, limits).verdict for value in values]
            shares = [verdicts.count(v) / len(verdicts) for v in ("drop", "review")]
            cells += [f"{share:.0%}" for share in shares]
            cells.append(f"{np.median([value or 0.0 for value in values]):.3f}")
        table.add_row(name, *cells)
    Console().print(table)


def _subjects(labels: str, run: str | None) -> list[Subject]:
    workspace = Workspace.of(settings())
    table = pd.read_csv(labels, keep_default_na=False)
    fit = table[table["truth"] != "drop"]
    is_long = fit["source"] == _LONG_CLIP
    wanted = {*fit[~is_long]["crop_id"], *fit[is_long]["crop_id"][::_EVERY]}
    subjects = []
    for outcome in load_run(workspace, run).outcomes:
        if outcome.crops is None:
            continue
        poses = workspace.rows(Pose, outcome.poses) if outcome.poses else []
        pose_of = {pose.crop_id: pose for pose in poses}
        for crop in workspace.rows(Crop, outcome.crops):
            if crop.crop_id in wanted:
                subjects.append(Subject(workspace, crop, pose_of.get(crop.crop_id)))
    return subjects


def _changed(subject: Subject, change: Change) -> Subject:
    """Return the crop with other pixels; pose and person stay what they were."""
    other = Subject(subject._workspace, subject.crop, subject._pose)
    other.__dict__["person_weight"] = subject.person_weight
    other.__dict__["rgb"] = np.ascontiguousarray(change(subject.rgb, subject.person_height_px))
    return other


if __name__ == "__main__":
    main()
