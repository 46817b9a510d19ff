"""Publish what a finished run kept, without running it again: by its own recipe or by another."""

from datetime import UTC, datetime
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.earlier_runs import earlier_runs, gather, judge_by
from flows.engine.prefect_artifacts import describe_publication, finish_run, flow_run_id
from flows.engine.publication import publish_outcomes, require_publishable
from flows.engine.run_record import RunRecord, load_run, name_run
from flows.preview import require_measured
from flows.takedown import heed_takedowns
from tasks.common.errors import ArtifactError, InputError, WorldError
from tasks.common.recipe.models import load_recipe
from tasks.common.records import SourceOutcome
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace


def _name_flow_run() -> str:
    return f"publish-{runtime.flow_run.parameters['run'] or 'newest'}"


@flow(name="publish", flow_run_name=_name_flow_run)
def publish_run(
    run: str = "",
    recipe: str = "",
    store: str = "",
    revive: bool = False,
    also: list[str] | None = None,
) -> State[Any]:
    """Publish the kept crops of a run as the next version of a subset.

    Args:
        run: The run's name, as `matteflow show` tells it; empty takes the newest.
        recipe: A recipe to publish by instead of the run's own. Where its bounds differ, the stored
            measures are judged anew; no model runs.
        store: Where to publish; empty takes MATTEFLOW_STORE.
        revive: Publish even what was retired before, as a new version.
        also: Other runs, whose crops are published together with this one's.
    """
    address, now = store or settings().store, datetime.now(UTC)
    workspace = Workspace.of(settings())
    try:
        record = _by_recipe(load_run(workspace, run or None), recipe, workspace, now)
        outcomes = _together(record, also or [], workspace, address)
        sources = [outcome.source for outcome in outcomes]
        require_publishable(address, record.recipe, sources)
    except InputError as error:
        return Failed(name="BadInput", message=str(error))
    except WorldError as error:
        return Failed(name="StoreDown", message=str(error))
    except ArtifactError as error:
        return Failed(name="NotPublished", message=str(error))
    try:
        made = publish_outcomes(outcomes, record.recipe, address, now, revive)
    except Exception as error:  # whatever it was: the state says why
        return Failed(name="NotPublished", message=str(error))
    _, withheld = heed_takedowns((outcome.source for outcome in record.outcomes), address)
    done = record.model_copy(update={"publication": made, "withheld": withheld})
    finish_run(done, workspace, {})
    return Completed(message=describe_publication(done), data=done.run_id)


def _together(
    record: RunRecord, also: list[str], workspace: Workspace, store: str
) -> tuple[SourceOutcome, ...]:
    """Return the outcomes of a run with those of the runs that are published with it.

    Raises:
        InputError: one of them is not there, or was made otherwise than the recipe says.
    """
    recipe = record.recipe
    named = [load_run(workspace, name) for name in also]
    found = [*earlier_runs(recipe, workspace, store, before=record.run_id), *named]
    others = {other.run_id: other for other in found if other.run_id != record.run_id}
    oldest_first = [others[name] for name in sorted(others)]
    return gather(record.outcomes, oldest_first, recipe, workspace)


def _by_recipe(record: RunRecord, recipe: str, workspace: Workspace, now: datetime) -> RunRecord:
    """Return the run, or by another recipe than its own a new one of the same crops.

    Raises:
        InputError: the run's measures say nothing about what this recipe would keep.
    """
    chosen = load_recipe(recipe) if recipe else record.recipe
    if chosen == record.recipe:
        return record
    outcomes = record.outcomes
    if chosen.filter != record.recipe.filter:
        require_measured(record, chosen, workspace)
        outcomes = tuple(judge_by(outcome, chosen) for outcome in outcomes)
    return record.model_copy(
        update={
            "run_id": name_run(now, flow_run_id()),
            "started_at": now,
            "recipe": chosen,
            "outcomes": outcomes,
            "publication": None,
        }
    )
