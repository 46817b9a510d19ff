"""Publish the kept crops of a finished run without running it again, by its or another recipe."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.earlier_runs import RunOutcomes, join_runs
from flows.engine.end_states import refusal
from flows.engine.prefect_artifacts import describe_publication, finish_run, flow_run_id
from flows.engine.publication import apply_human_work, publish_outcomes, require_publishable
from flows.engine.reuse import judge_outcomes
from flows.engine.run_record import RunRecord, load_run, name_run, sources_of
from flows.engine.takedowns import exclude_taken_down
from tasks.common.errors import ArtifactError, InputError, MatteflowError, WorldError
from tasks.common.recipe.models import load_recipe
from tasks.common.records import SourceOutcome
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.matte.task import require_services


def _name_flow_run() -> str:
    return f"publish-{runtime.flow_run.parameters['run'] or 'newest'}"


@flow(name="publish", flow_run_name=_name_flow_run)
def publish_run(
    run: str = "",
    recipe: str = "",
    store: str = "",
    revive: bool = False,
    also: list[str] | None = None,
    drop: list[str] | None = None,
) -> State[Any]:
    """Publish the kept crops of a run as the next version of a subset.

    Args:
        run: The run's name, as `matteflow show` prints it; empty takes the newest run.
        recipe: A recipe to publish by instead of the run's own. If its bounds differ, the stored
            measures are judged again; no model runs.
        store: Where to publish; empty takes MATTEFLOW_STORE.
        revive: Publish retired content again, as a new version.
        also: Names of other runs whose crops are published together with this run's.
        drop: Samples, or sources with all their samples, that this version and later ones are
            without.
    """
    address, now = store or settings().store, datetime.now(UTC)
    workspace = Workspace.of(settings())
    try:
        record = _by_recipe(load_run(workspace, run or None), recipe, workspace, now)
        # Before the runs are joined, so that the record and its report show them too.
        outcomes = apply_human_work(record.outcomes, record.recipe)
        record = record.model_copy(update={"outcomes": outcomes})
        outcomes = _joined(record, also or [], workspace, address)
    except (InputError, WorldError, ArtifactError) as error:
        return refusal(error)
    try:
        publication = publish_outcomes(outcomes, record.recipe, address, now, revive, drop or [])
    # ValueError comes from Pillow and pandas when a stored file is not what its table says.
    except (MatteflowError, OSError, ValueError) as error:
        return Failed(name="NotPublished", message=str(error))
    # Read again: sources may have been taken down since the run.
    _, withheld = exclude_taken_down(sources_of(record.outcomes), address)
    published = record.model_copy(update={"publication": publication, "withheld": withheld})
    finish_run(published, workspace, {}, address)
    return Completed(message=describe_publication(published), data=published.run_id)


def _by_recipe(record: RunRecord, recipe: str, workspace: Workspace, now: datetime) -> RunRecord:
    """Return the run, or for a recipe that differs from its own a new run of the same crops.

    Raises:
        InputError: the run's measures do not suffice for the recipe.
    """
    parsed = load_recipe(recipe) if recipe else record.recipe
    if parsed == record.recipe:
        return record
    require_services(parsed.matte)
    # A run never changes its recipe; publishing by another recipe is a run of its own.
    return record.model_copy(
        update={
            "run_id": name_run(now, flow_run_id()),
            "started_at": now,
            "recipe": parsed,
            "outcomes": judge_outcomes(record, record.outcomes, parsed, workspace),
            "publication": None,
        }
    )


def _joined(
    record: RunRecord, also: Sequence[str], workspace: Workspace, address: str
) -> tuple[SourceOutcome, ...]:
    """Return the outcomes to publish, once it is clear that they can be published.

    Raises:
        InputError: a run cannot be joined, or the store or the recipe does not allow publication.
        WorldError: the store does not answer.
    """
    current = RunOutcomes(record.run_id, record.outcomes)
    outcomes = join_runs(current, also, record.recipe, workspace, address)
    require_publishable(address, record.recipe, sources_of(outcomes))
    return outcomes
