"""CPU seconds of each stage, and per kept sample, on given sources, without Prefect.

    python -m benchmarks.stages demo --recipe demo

CPU seconds are of this process with all its threads; sources run one after the other, in a fresh
workspace, after the models were loaded (told apart as `load models`).
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

from tasks.common.digests import content_key
from tasks.common.recipe.models import Recipe, load_recipe
from tasks.common.records import AdmittedTable, Source, Stage, StageResult
from tasks.common.schema.rows import Admitted, Crop
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights, services_among, weights_of_role
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.detect.detector import find_people
from tasks.detect.stage import detect_key, detect_people
from tasks.download.fetch import download_key
from tasks.download.sources.read import read_sources
from tasks.download.task import fetch_source
from tasks.filter.stage import filter_crops, filter_key, screen_crops, screen_key
from tasks.matte.session import matte
from tasks.matte.stage import matte_crops, matte_key
from tasks.pose.stage import find_poses, pose_key
from tasks.sample.stage import sample_key, sample_media


class Clock:
    """Adds up CPU seconds under names."""

    def __init__(self) -> None:
        self.cpu_s: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the CPU seconds of the block."""
        start = time.process_time()
        yield
        self.cpu_s[name] += time.process_time() - start


def load_models(recipe: Recipe) -> None:
    """Let detector and matting models see one small picture each."""
    empty = np.zeros((64, 64, 3), np.uint8)
    list(find_people([empty], recipe.detect, settings()))
    names = {recipe.matte.model, *recipe.matte.opinions}
    # A service would charge for the empty picture.
    for name in (names & weights_of_role("matting").keys()).difference(services_among(names)):
        matte(empty, find_weights(name, "matting"), settings())


@contextmanager
def workspace_in(folder: Path | None) -> Iterator[Workspace]:
    """Give a workspace in a folder, else in one that goes away, as the workspace of this process.

    The keys of stages read the artifacts before them from the workspace that the settings name.
    """
    with tempfile.TemporaryDirectory() as scratch:
        with patch.dict(os.environ, MATTEFLOW_WORKSPACE=str(folder or scratch)):
            settings.cache_clear()
            yield Workspace.of(settings())
        settings.cache_clear()


def run_source(
    source: Source,
    recipe: Recipe,
    workspace: Workspace,
    clock: Clock,
    chosen: Callable[[Sequence[Crop]], Crop | None] | None = None,
) -> tuple[StageResult, ...]:
    """Take one source through the stages; return what each gave, the verdicts last.

    With `chosen` only the crop that it names is matted, whatever the rules before matting say.
    """

    def out(stage: Stage, key: str) -> ArtifactWriter:
        return ArtifactWriter(workspace, stage, key)

    with clock.measure("download"):
        key = download_key(source, recipe.download)
        media = fetch_source(out("download", key), source, recipe.download)
    with clock.measure("sample"):
        key = sample_key(media, recipe.sample)
        frames = sample_media(out("sample", key), source, media, recipe.sample)
    with clock.measure("detect"):
        key = detect_key(frames, recipe.detect)
        crops = detect_people(out("detect", key), source, frames, recipe.detect)
    poses = None
    if recipe.pose is not None:
        with clock.measure("pose"):
            key = pose_key(crops, recipe.pose)
            poses = find_poses(out("pose", key), source, crops, recipe.pose)
    with clock.measure("screen"):
        key = screen_key(source, crops, poses, recipe.filter)
        screened = screen_crops(out("screen", key), source, crops, poses, recipe.filter)
        if chosen is not None:
            screened = _only(chosen(workspace.rows(Crop, crops)), workspace)
    with clock.measure("matte"):
        key = matte_key(crops, screened, recipe.matte, poses)
        mattes = matte_crops(out("matte", key), source, crops, screened, recipe.matte, poses)
    with clock.measure("filter"):
        key = filter_key(source, crops, poses, mattes, recipe.filter)
        verdicts = filter_crops(out("filter", key), source, crops, poses, mattes, recipe.filter)
    given = (media, frames, crops, poses, screened, mattes, verdicts)
    return tuple(result for result in given if result is not None)


def _only(crop: Crop | None, workspace: Workspace) -> AdmittedTable:
    rows = [] if crop is None else [Admitted(crop.crop_id)]
    out = ArtifactWriter(workspace, "screen", content_key("only", [row.crop_id for row in rows]))
    return AdmittedTable(out.commit_rows(Admitted, rows, [], n_in=len(rows)))


def n_kept(verdicts: StageResult, workspace: Workspace) -> int:
    """Count the crops with the verdict keep."""
    return int((workspace.items(verdicts)["verdict"] == "keep").sum())


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("sources")
    parser.add_argument("--recipe", default="demo")
    asked = parser.parse_args()
    recipe, clock, kept = load_recipe(asked.recipe), Clock(), 0
    with clock.measure("load models"):
        load_models(recipe)
    with workspace_in(None) as workspace:
        for source in read_sources(asked.sources):
            kept += n_kept(run_source(source, recipe, workspace, clock)[-1], workspace)
    stages = {name: round(seconds, 2) for name, seconds in clock.cpu_s.items()}
    working = sum(clock.cpu_s.values()) - clock.cpu_s["load models"]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "cpu_s": stages,
                "kept": kept,
                "cpu_s_per_kept": round(working / max(kept, 1), 3),
                "peak_mb": round(peak_mb),
            }
        )
    )


if __name__ == "__main__":
    main()
