"""Publish what a finished run kept, without running it again: by its own recipe or by another."""

from datetime import UTC, datetime
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.chains import judge_again
from flows.pages import describe_publication, finish_run, flow_run_id
from flows.retune import require_measured
from flows.runs import RunRecord, load_run, name_run
from flows.takedown import heed_takedowns
from tasks.common.artifacts import Workspace
from tasks.common.errors import ArtifactError, InputError, WorldError
from tasks.common.recipe import Recipe, load_recipe
from tasks.common.records import Publication, SourceOutcome
from tasks.common.settings import settings
from tasks.publish.task import check_store, pinned_groups, publish


def _name_flow_run() -> str:
    return f"publish-{runtime.flow_run.parameters['run'] or 'newest'}"


@flow(name="publish", flow_run_name=_name_flow_run)
def publish_run(
    run: str = "", recipe: str = "", store: str = "", revive: bool = False
) -> State[Any]:
    """Publish the kept crops of a run as the next version of a subset.

    Args:
        run: The run's name, as `matteflow show` tells it; empty takes the newest.
        recipe: A recipe to publish by instead of the run's own. Where its bounds differ, the stored
            measures are judged anew; no model runs.
        store: Where to publish; empty takes MATTEFLOW_STORE.
        revive: Publish even what was retired before, as a new version.
    """
    address, now = store or settings().store, datetime.now(UTC)
    workspace = Workspace.of(settings())
    try:
        record = _by_recipe(load_run(workspace, run or None), recipe, workspace, now)
        check_store(address)
    except InputError as error:
        return Failed(name="BadInput", message=str(error))
    except WorldError as error:
        return Failed(name="StoreDown", message=str(error))
    except ArtifactError as error:
        return Failed(name="NotPublished", message=str(error))
    state = publish(record.outcomes, record.recipe, address, now, revive, return_state=True)
    made = state.result(raise_on_failure=False)
    if not isinstance(made, Publication):
        return Failed(name="NotPublished", message=str(made))
    _, withheld = heed_takedowns((outcome.source for outcome in record.outcomes), address)
    done = record.model_copy(update={"publication": made, "withheld": withheld})
    finish_run(done, workspace, {})
    return Completed(message=describe_publication(done), data=done.run_id)


def _by_recipe(record: RunRecord, recipe: str, workspace: Workspace, now: datetime) -> RunRecord:
    """Return the run, or by another recipe than its own a new one of the same crops.

    Raises:
        InputError: the run's measures say nothing about what this recipe would keep.
    """
    chosen = load_recipe(recipe) if recipe else record.recipe
    if chosen == record.recipe:
        return record
    pinned_groups([outcome.source for outcome in record.outcomes], chosen.publish)
    outcomes = record.outcomes
    if chosen.filter != record.recipe.filter:
        require_measured(record, chosen, workspace)
        outcomes = tuple(_judged(outcome, chosen) for outcome in outcomes)
    return record.model_copy(
        update={
            "run_id": name_run(now, flow_run_id()),
            "started_at": now,
            "recipe": chosen,
            "outcomes": outcomes,
            "publication": None,
        }
    )


def _judged(outcome: SourceOutcome, recipe: Recipe) -> SourceOutcome:
    judged = judge_again(outcome, recipe)
    if judged.error is not None and outcome.error is None:
        raise InputError(
            f"{outcome.source.source_id} could not be judged by {recipe.name}: {judged.error} "
            "Ingest with this recipe instead."
        )
    return judged
