"""What a matting network says of pictures without a person, as it is and as rembg stretches it.

python -m benchmarks.certainty [--run NAME] [--model u2netp] [--limit 40]

Takes frames of a run in which the detector saw nobody, and as many crops that were kept.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from flows.engine.run_record import RunRecord, load_run
from tasks.common.media.images import Alpha, read_rgb
from tasks.common.schema.tables import plain_rows
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.task import reuse_or_deduplicate
from tasks.matte.session import matte

_IS_PERSON = 0.5
_UNDECIDED = (0.2, 0.8)


def main() -> None:
    """Print medians and extremes for both groups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run")
    parser.add_argument("--model", default="u2netp")
    parser.add_argument("--limit", type=int, default=40)
    asked = parser.parse_args()
    workspace = Workspace.of(settings())
    record = load_run(workspace, asked.run)
    groups = {"nobody": _nobody(record, workspace), "kept": _kept(record, workspace)}
    table = Table("pictures", "n", "highest alpha", "marked", "marked, stretched", "undecided",
                  "undecided, stretched", title="median (least to most)")  # fmt: skip
    weights = find_weights(asked.model, "matting")
    for name, paths in groups.items():
        chosen = paths[:: max(1, len(paths) // asked.limit)][: asked.limit]
        alphas = [matte(read_rgb(path), weights, settings()).alpha for path in chosen]
        rows = np.array([_figures(alpha) for alpha in alphas])
        table.add_row(name, str(len(rows)), *map(_told, rows.T))
    Console().print(table)


def _nobody(record: RunRecord, workspace: Workspace) -> list[Path]:
    paths = []
    for outcome in record.outcomes:
        frames, crops = outcome.result("sample"), outcome.result("detect")
        if frames is not None and crops is not None:
            empty = {row["item"] for row in plain_rows(workspace.drops(crops))}
            rows = plain_rows(workspace.items(frames))
            paths += [workspace.path(row["path"]) for row in rows if row["frame_id"] in empty]
    return paths


def _kept(record: RunRecord, workspace: Workspace) -> list[Path]:
    crops = reuse_or_deduplicate(record.outcomes, record.recipe.filter, workspace)
    return [workspace.path(crop.crop.path) for crop in workspace.run_crops(crops).of("keep")]


def _figures(alpha: Alpha) -> list[float]:
    low, high = float(alpha.min()), float(alpha.max())
    stretched = (alpha - low) / max(high - low, 1e-9)
    figures = [high]
    for shares in (alpha, stretched):
        figures.append(float((shares >= _IS_PERSON).mean()))
    for shares in (alpha, stretched):
        undecided = (shares > _UNDECIDED[0]) & (shares < _UNDECIDED[1])
        marked = max(1, int((shares >= _IS_PERSON).sum()))
        figures.append(float(undecided.sum() / marked))
    return figures


def _told(values: np.ndarray) -> str:
    return f"{np.median(values):.3f} ({values.min():.3f} to {values.max():.3f})"


if __name__ == "__main__":
    main()
