"""Runs that were never run: records by hand over a small workspace, judged as the filter judges."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.cli import main
from flows.engine.run_record import RunRecord, save_run
from tasks.common.digests import content_key
from tasks.common.recipe.models import Recipe, parse_recipe
from tasks.common.records import Source, SourceOutcome, StageResult
from tasks.common.schema.columns import encode_row
from tasks.common.schema.rows import JudgedCrop
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.filter.judge import judge_source
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop

RECIPE = """\
# Bounds of a test.
name: small
detect: {model: fall-yolov8s}
matte: {model: u2netp}
filter:
  frame_cut: {max: 0.5} # portraits may be cut
  sharpness: {min: 0.4, review_min: 0.5}
  subject_share: {min: 0.2} # on the mask
publish:
  date: '20261122'
  note: small
"""


def recipe_file(folder: Path, text: str = RECIPE) -> str:
    """Write a recipe and return its path."""
    path = folder / "small.yaml"
    path.write_text(text)
    return str(path)


def recipe_of(*replaced: tuple[str, str]) -> Recipe:
    """Return the recipe with pieces of its text replaced."""
    text = RECIPE
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    return parse_recipe(text, "small")


def judged_by(
    workspace: Workspace, line: Source, crops: list[Crop], recipe: Recipe
) -> SourceOutcome:
    """Write the artifacts of one source; its verdicts are what the recipe makes of the measures."""
    whole = judged(workspace, line, crops)
    measured = [crop.measured for crop in workspace.rows(JudgedCrop, whole.stages[-1])]
    matted = [f"{line.source_id}-{crop.name}" for crop in crops if crop.has_matte]
    final = commit_verdicts(workspace, judge_source(measured, line, recipe.filter, matted))
    return whole.model_copy(update={"stages": (*whole.stages[:-1], final)})


def commit_verdicts(workspace: Workspace, crops: list[JudgedCrop]) -> StageResult:
    """Store verdicts as the filter stage does, but for its drops."""
    out = ArtifactWriter(workspace, "filter", content_key("judged", list(map(encode_row, crops))))
    return out.commit_rows(JudgedCrop, crops, [], n_in=len(crops))


def record_run(
    workspace: Workspace,
    crops: Mapping[str, list[Crop]],
    *,
    recipe: Recipe | None = None,
    run_id: str = "run-1",
) -> RunRecord:
    """Save a run over sources with these crops."""
    recipe = recipe or recipe_of()
    outcomes = [judged_by(workspace, source(name), own, recipe) for name, own in crops.items()]
    return save_record(workspace, *outcomes, recipe=recipe, run_id=run_id)


def save_record(
    workspace: Workspace, *outcomes: SourceOutcome, recipe: Recipe, run_id: str = "run-1"
) -> RunRecord:
    """Save a run with these outcomes."""
    record = RunRecord(
        run_id=run_id,
        started_at=datetime(2026, 11, 22, tzinfo=UTC),
        sources="list.csv",
        recipe=recipe,
        outcomes=outcomes,
    )
    save_run(record, workspace)
    return record


def exit_code(*arguments: str) -> int:
    """Run the command line and return the code that it ends with."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0)
