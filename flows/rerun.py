"""Do one task of one source again, and what depends on it; the rest stays as it is."""

from difflib import get_close_matches
from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.per_source import run_chain
from flows.engine.prefect_artifacts import leave_stages
from flows.engine.run_record import RunRecord, find_runs, load_run
from flows.engine.task_runner import task_runner
from tasks.common.errors import InputError, MatteflowError
from tasks.common.recipe.models import Recipe
from tasks.common.records import SourceOutcome
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.filter.task import invalidate_measures
from tasks.matte.task import invalidate_mattes

RerunStage = Literal["download", "sample", "detect", "pose", "screen", "matte", "filter"]
_LAST: RerunStage = "filter"


@flow(name="rerun", flow_run_name="{stage}-{source}", task_runner=task_runner())
def rerun(
    stage: RerunStage,
    source: str,
    run: str = "",
    refresh: bool = True,
    downstream: bool = True,
) -> State[Any]:
    """Do one task of one source again. A Retry of the ingest run then finds it done.

    Args:
        stage: Which task.
        source: The source's id, as the tables of an ingest run tell it.
        run: The ingest run whose recipe counts, as `matteflow show` tells it; empty takes the
            newest one that had this source.
        refresh: Compute it even if a good result is there. Without, only what is missing, damaged
            or failed is computed.
        downstream: Go on with the tasks after it. Those whose input did not change are not
            computed again.
    """
    workspace = Workspace.of(settings())
    try:
        record, known = _find(source, stage, run, workspace)
        if refresh:
            _invalidate(known, stage, record.recipe)
    except MatteflowError as error:
        return Failed(name="BadInput", message=str(error))
    last = _LAST if downstream else stage
    outcome = run_chain(known.source, record.recipe, last)
    leave_stages(outcome, known)
    if outcome.error is not None:
        said = f"{source} failed at {outcome.failed_stage}: {outcome.error}"
        return Failed(name="StillFailing", message=said)
    return Completed(
        message=f"{stage} of {source} is done. Retry the ingest run, or run `publish`, to use it."
    )


def _find(
    source: str, stage: RerunStage, run: str, workspace: Workspace
) -> tuple[RunRecord, SourceOutcome]:
    """Return the run and what became of the source in it.

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
    near = get_close_matches(source, known, n=3, cutoff=0.4) or sorted(known)[:5]
    had = f"The run {run} had no" if run else "No finished run had a"
    raise InputError(
        f"{had} source {source!r}. Near are: {', '.join(near)}."
        if near
        else f"{had} source {source!r}; start an ingest first."
    )


def _invalidate(known: SourceOutcome, stage: RerunStage, recipe: Recipe) -> None:
    """Invalidate the result of the stage, so that its task computes it again."""
    own = known.result(stage)
    if own is None:  # it failed, or the chain ended before
        return
    if known.crops is not None and stage == "matte" and known.admitted is not None:
        invalidate_mattes(known.crops, known.admitted, recipe.matte)
    if known.crops is not None and stage in ("screen", "filter"):
        mattes = known.mattes if stage == "filter" else None
        invalidate_measures(known.crops, known.poses, mattes)
    Workspace.of(settings()).invalidate(stage, own.key)
