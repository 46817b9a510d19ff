"""Run one stage of one source again, and the stages that depend on it."""

from difflib import get_close_matches
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.per_source import run_chain
from flows.engine.prefect_artifacts import leave_stages
from flows.engine.run_record import RunRecord, find_runs, load_run
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
    """Run one stage of one source again. A Retry of the ingest run then finds its result.

    Args:
        stage: The stage to run again.
        source: The source's id, as the tables of an ingest run show it.
        run: The ingest run whose recipe counts, as `matteflow show` names it; empty takes the
            newest one that had this source.
        refresh: Compute the stage even if its result is good. Without it, only a result that is
            missing or damaged is computed.
        downstream: Also run the stages after it. Those whose input did not change are not
            computed again.
    """
    workspace = Workspace.of(settings())
    try:
        record, previous = _find_outcome(source, stage, run, workspace)
        if refresh:
            _invalidate(previous, stage, record.recipe)
    except MatteflowError as error:
        return Failed(name="BadInput", message=str(error))
    last = SOURCE_STAGES[-1] if downstream else stage
    outcome = run_chain(previous.source, record.recipe, last)
    leave_stages(outcome, previous)
    if outcome.error is not None:
        message = f"{source} failed at {outcome.failed_stage}: {outcome.error}"
        return Failed(name="StillFailing", message=message)
    return Completed(
        message=f"{stage} of {source} is done. Retry the ingest run, or run `publish`, to use it."
    )


def _find_outcome(
    source: str, stage: SourceStage, run: str, workspace: Workspace
) -> tuple[RunRecord, SourceOutcome]:
    """Return the newest run that had the source, or the named one, and the source's outcome in it.

    Raises:
        InputError: no run had this source, or its recipe has no such stage.
    """
    known: set[str] = set()
    for name in [run] if run else reversed(find_runs(workspace)):
        record = load_run(workspace, name)
        outcomes = {outcome.source.source_id: outcome for outcome in record.outcomes}
        if source in outcomes:
            if stage == "pose" and record.recipe.pose is None:
                raise InputError(
                    f"The run {record.run_id} has no pose stage, since its recipe "
                    f"({record.recipe.name}) names no pose model; choose another stage."
                )
            return record, outcomes[source]
        known |= outcomes.keys()
    similar = get_close_matches(source, known, n=3, cutoff=0.4) or sorted(known)[:5]
    problem = f"The run {run} had no" if run else "No finished run had a"
    raise InputError(
        f"{problem} source {source!r}. Similar ids: {', '.join(similar)}."
        if similar
        else f"{problem} source {source!r}; start an ingest first."
    )


def _invalidate(previous: SourceOutcome, stage: SourceStage, recipe: Recipe) -> None:
    """Invalidate the stage's result, so that its task computes it again.

    Mattes and measures are also stored by content, apart from the stage that made them: without
    removing those too, the stage would find them and compute nothing.
    """
    result, crops, screened = previous.result(stage), previous.crops, previous.admitted
    if result is None:  # the stage failed, or one before it did
        return
    if crops is not None and stage == "matte" and screened is not None:
        invalidate_mattes(crops, screened, recipe.matte)
    if crops is not None and stage in ("screen", "filter"):
        mattes = previous.mattes if stage == "filter" else None
        invalidate_measures(crops, previous.poses, mattes)
    Workspace.of(settings()).invalidate(stage, result.key)
