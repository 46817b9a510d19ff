"""Publish what a finished run kept, without running it again."""

from datetime import UTC, datetime
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.pages import describe_publication
from flows.runs import load_run, save_run
from tasks.common.errors import InputError
from tasks.common.recipe import load_recipe
from tasks.common.records import Publication
from tasks.common.settings import settings
from tasks.publish.task import check_store, publish


def _name_flow_run() -> str:
    return f"publish-{runtime.flow_run.parameters['run'] or 'newest'}"


@flow(name="publish", flow_run_name=_name_flow_run)
def publish_run(run: str = "", recipe: str = "", store: str = "") -> State[Any]:
    """Publish the kept crops of a run as the next version of a subset.

    Args:
        run: The run's name, as `matteflow show` tells it; empty takes the newest.
        recipe: A recipe whose 'publish' part is used instead of the run's own.
        store: Where to publish; empty takes MATTEFLOW_STORE.
    """
    address = store or settings().store
    try:
        record = load_run(settings().workspace, run or None)
        chosen = load_recipe(recipe) if recipe else record.recipe
        check_store(address)
    except InputError as error:
        return Failed(name="BadInput", message=str(error))
    used = record.recipe.model_copy(update={"publish": chosen.publish})
    state = publish(record.outcomes, used, address, datetime.now(UTC), return_state=True)
    made = state.result(raise_on_failure=False)
    if not isinstance(made, Publication):
        return Failed(name="NotPublished", message=str(made), data=record.run_id)
    done = record.model_copy(update={"publication": made, "recipe": used})
    save_run(done, settings().workspace)
    return Completed(message=describe_publication(done), data=record.run_id)
