"""Run one stage of one source again, and the stages that depend on it."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.original_source import find_original
from flows.engine.per_source import run_pipeline
from flows.engine.prefect_artifacts import create_rerun_artifact
from flows.engine.run_record import RunRecord, find_outcome
from flows.engine.task_runner import task_runner
from tasks.common.errors import InputError, MatteflowError
from tasks.common.recipe.models import Recipe
from tasks.common.records import SOURCE_STAGES, SourceOutcome, SourceStage
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.filter.task import invalidate_measures
from tasks.matte.task import invalidate_mattes


@flow(name="rerun", flow_run_name="{stage}-{source}", task_runner=task_runner())
def rerun(
    stage: SourceStage,
    source: str,
    run: str = "",
    refresh: bool = True,
    downstream: bool = True,
) -> State[Any]:
    """Run one stage of one source again. A Retry of the ingest run then uses its result.

    Args:
        stage: The stage to run again.
        source: The source's id, as the tables of an ingest run show it.
        run: The ingest run whose recipe is used, as `matteflow show` prints its name; empty takes
            the newest run with this source.
        refresh: Compute the stage even if its stored result is valid. If off, only a missing or
            damaged result is computed.
        downstream: Also run the stages after it. A stage whose input did not change keeps its
            result.
    """
    workspace = Workspace.of(settings())
    try:
        record, previous = find_outcome(source, run, workspace)
        _require_stage(stage, record)
        original = find_original(previous, record, workspace, must_fetch=stage == "download")
        if refresh:
            _invalidate(previous, stage, record.recipe)
    except MatteflowError as error:
        return Failed(name="BadInput", message=str(error))
    # The stages before it come from the cache.
    last = SOURCE_STAGES[-1] if downstream else stage
    # The source as that run recorded it, not as its list reads today.
    outcome = run_pipeline(original, record.recipe, last)
    create_rerun_artifact(outcome, previous)
    if outcome.error is not None:
        message = f"{source} failed at {outcome.failed_stage}: {outcome.error}"
        return Failed(name="StillFailing", message=message)
    return Completed(
        message=f"{stage} of {source} is done. Retry the ingest run, or run `publish`, to use it."
    )


def _require_stage(stage: SourceStage, record: RunRecord) -> None:
    """Require that a run has a stage.

    Raises:
        InputError: the stage is `pose`, and the recipe names no pose model.
    """
    if stage == "pose" and record.recipe.pose is None:
        raise InputError(
            f"The run {record.run_id} has no pose stage, since its recipe "
            f"({record.recipe.name}) names no pose model; choose another stage."
        )


def _invalidate(previous: SourceOutcome, stage: SourceStage, recipe: Recipe) -> None:
    """Invalidate the stage's result, so that its task computes it again.

    Mattes and measures are also stored by content, outside the result of their stage. They are
    invalidated too, or else the stage would reuse them and compute nothing.
    """
    result, crops, screened = previous.result(stage), previous.crops, previous.admitted
    if result is None:  # this stage or an earlier one failed, so there is nothing to invalidate
        return
    if crops is not None and stage == "matte" and screened is not None:
        invalidate_mattes(crops, screened, recipe.matte, previous.poses)
    if crops is not None and stage in ("screen", "filter"):
        # `screen` measures crops, `filter` their mattes; each has measures of its own.
        mattes = previous.mattes if stage == "filter" else None
        invalidate_measures(crops, previous.poses, mattes)
    # Only the marker of the artifact is removed: Prefect's record of the task then no longer counts
    # (docs/decisions/0014).
    Workspace.of(settings()).invalidate(stage, result.key)
