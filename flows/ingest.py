"""The main flow: from a source list to a published version."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from prefect import flow, get_run_logger, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.earlier_runs import RunOutcomes, join_runs
from flows.engine.end_states import ListingError, refusal
from flows.engine.handed_over import with_secrets
from flows.engine.prefect_artifacts import describe_publication, finish_run, flow_run_id
from flows.engine.publication import publish_outcomes, require_publishable
from flows.engine.review_events import emit_wanted
from flows.engine.run_record import RunRecord, describe_failures, name_run
from flows.engine.source_list import run_source_list
from flows.engine.takedowns import exclude_taken_down
from flows.engine.task_runner import task_runner
from flows.ingest_batch import ingest_batch
from tasks.common.errors import InputError, MatteflowError, WorldError
from tasks.common.media.sandbox import require_jail
from tasks.common.recipe.models import Recipe, load_recipe
from tasks.common.records import Publication, PublishMode, Source
from tasks.common.settings import settings
from tasks.common.uri import redacted
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.scratch import sweep_scratch
from tasks.download.task import keep_addresses, read_listing
from tasks.matte.task import require_services

_ABANDONED_S = 7 * 24 * 3600.0  # partial downloads of this age are not resumed any more


class Prepared(NamedTuple):
    """The checked input of a run.

    `withheld` has a sentence per source that was taken down, `skipped` one per kind of file beside
    the sources. `notice` says what the jail of decoders lacks on this machine.
    """

    sources: tuple[Source, ...]
    recipe: Recipe
    withheld: tuple[str, ...]
    skipped: tuple[str, ...]
    notice: str | None = None


def prepare(sources: str, recipe: str, store: str) -> Prepared:
    """Read source list and recipe, and check that workspace and store can be written.

    All mistakes that can be recognised are reported here, before hours of work.

    Raises:
        InputError: list, recipe, workspace or store are wrong, or every source was taken down, or
            the settings require a jail that this machine does not have.
        WorldError: the store, or the server that lists the sources, does not answer.
    """
    notice = require_jail()
    parsed = load_recipe(recipe)
    require_services(parsed.matte)
    workspace = Workspace.of(settings())
    workspace.probe()
    sweep_scratch(settings(), _ABANDONED_S)
    try:
        # A WorldError here is about the list's server, not the store; the state's name tells them
        # apart.
        listed, skipped = read_listing(sources)
    except WorldError as error:
        raise ListingError(str(error)) from error
    # All listed sources, also taken-down ones: pins are checked against the list as it was written.
    require_publishable(store, parsed, listed)
    allowed, withheld = exclude_taken_down(listed, store)
    if not allowed:
        raise InputError(f"Every source of the list was taken down. {withheld[0]}.")
    return Prepared(allowed, parsed, withheld, skipped, notice)


def _name_flow_run() -> str:
    """Name the flow run after list and recipe; their folders would only make the name long."""
    parameters = runtime.flow_run.parameters
    source_list = Path(redacted(parameters["sources"])).stem
    return f"ingest-{source_list}-{Path(parameters['recipe']).stem}"


@flow(
    name="ingest",
    flow_run_name=_name_flow_run,
    task_runner=task_runner(),
)
def ingest(
    sources: str, recipe: str = "people", publish: PublishMode = "complete", store: str = ""
) -> State[Any]:
    """Take videos and photos through all stages and publish what is kept.

    Args:
        sources: A source list (.csv, .yaml, .parquet), a folder, a file, or the name of a list
            that comes with the project, such as demo.
        recipe: The name of a recipe that comes with the project (demo, local, people), or a YAML
            file.
        publish: complete publishes only if every source succeeded; partial publishes the sources
            that succeeded; never stops after the verdicts.
        store: Where to publish, such as file:///data/store or s3://bucket/prefix; empty takes
            MATTEFLOW_STORE.
    """
    address = store or settings().store
    try:
        prepared = prepare(with_secrets(sources), recipe, address)
    except (InputError, WorldError) as error:
        return refusal(error)
    if prepared.notice:
        get_run_logger().warning(prepared.notice)
    started_at = datetime.now(UTC)
    run_id, workspace = name_run(started_at, flow_run_id()), Workspace.of(settings())
    keep_addresses(prepared.sources, workspace)
    outcomes, flow_runs = run_source_list(
        prepared.sources, prepared.recipe, run_id, ingest_batch, workspace
    )
    record = RunRecord(
        run_id=run_id,
        started_at=started_at,
        sources=redacted(sources),
        recipe=prepared.recipe,
        outcomes=outcomes,
        withheld=prepared.withheld,
        skipped=prepared.skipped,
        tells_cut_addresses=True,
    )
    # Before the report, which says what was published.
    publication, problem = _publish(record, publish, address, workspace)
    record = record.model_copy(update={"publication": publication})
    emit_wanted(run_id, finish_run(record, workspace, flow_runs, address))
    # Last: until here the run may read its artifacts again.
    workspace.trim(round(settings().copy_gb * 1e9))
    return _final_state(record, problem)


def _publish(
    record: RunRecord, mode: PublishMode, address: str, workspace: Workspace
) -> tuple[Publication | None, str]:
    """Publish if the mode says so; return the publication, or the problem that prevented it."""
    if mode == "never" or (mode == "complete" and record.failed):
        return None, ""
    recipe = record.recipe
    try:
        current = RunOutcomes(record.run_id, record.outcomes)
        outcomes = join_runs(current, (), recipe, workspace, address)
        return publish_outcomes(outcomes, recipe, address, record.started_at), ""
    # Every source is processed by now. Record and report are written after this, and no error of
    # any kind may cost them: `publish` can be started again from the record.
    except Exception as error:
        if not isinstance(error, MatteflowError):
            get_run_logger().exception("Publication failed with an unexpected error.")
        return None, str(error) or type(error).__name__


def _final_state(record: RunRecord, problem: str) -> State[Any]:
    """Return how the run ended. The state's data is the run's name, which `show` accepts."""
    result = problem or describe_publication(record)
    failures = describe_failures(record.outcomes)
    # A flow that returns anything but a state counts as completed, even if tasks failed.
    if failures:
        return Failed(name="PartialFailure", message=f"{failures} {result}", data=record.run_id)
    if problem:
        return Failed(name="NotPublished", message=problem, data=record.run_id)
    return Completed(message=result, data=record.run_id)
