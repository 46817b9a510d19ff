"""The main job: from a source list to a published version."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.batches import write_batches
from flows.engine.dispatch import run_batches
from flows.engine.earlier_runs import earlier_runs, gather, require_joinable
from flows.engine.per_source import in_order, run_chains
from flows.engine.prefect_artifacts import (
    describe_publication,
    finish_run,
    flow_run_id,
    tell_progress,
)
from flows.engine.run_record import RunRecord, name_run
from flows.engine.task_runner import task_runner
from flows.ingest_batch import ingest_batch
from flows.takedown import heed_takedowns
from tasks.common.errors import ArtifactError, InputError, WorldError
from tasks.common.recipe.models import Recipe, load_recipe
from tasks.common.records import Publication, PublishMode, Source, SourceOutcome
from tasks.common.settings import settings
from tasks.common.uri import redacted
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.scratch import sweep_scratch
from tasks.dataset.task import check_publishable
from tasks.dataset.task import publish as publish_version
from tasks.download.task import read_sources

_FORGOTTEN_S = 7 * 24 * 3600.0  # so old, nobody goes on with a download


class ListingError(WorldError):
    """Who lists the sources does not answer."""


class Prepared(NamedTuple):
    """What a run begins with; `withheld` are sentences about sources that were taken down."""

    sources: tuple[Source, ...]
    recipe: Recipe
    withheld: tuple[str, ...]


def prepare(sources: str, recipe: str, store: str) -> Prepared:
    """Read list and recipe and try the two places that will be written, before any work.

    Raises:
        InputError: something is wrong; the sentence says what came and how to mend it.
        WorldError: the store, or a listing, does not answer.
    """
    chosen = load_recipe(recipe)
    workspace = Workspace.of(settings())
    workspace.probe()
    sweep_scratch(settings(), _FORGOTTEN_S)
    try:
        listed = read_sources(sources)
    except WorldError as error:
        raise ListingError(str(error)) from error
    check_publishable(store, chosen.publish, listed)
    allowed, withheld = heed_takedowns(listed, store)
    if not allowed:
        raise InputError(f"Nothing is left of the list. {withheld[0]}.")
    require_joinable(earlier_runs(chosen, workspace, store), allowed, chosen)
    return Prepared(allowed, chosen, withheld)


def _name_flow_run() -> str:
    """Name the flow run after list and recipe, without folders, which matter to nobody there."""
    asked = runtime.flow_run.parameters
    return f"ingest-{Path(redacted(asked['sources'])).stem}-{Path(asked['recipe']).stem}"


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
        recipe: The name of a recipe that comes with the project (demo, people), or a YAML file.
        publish: complete publishes only when every source came through; partial publishes what
            there is; never stops after the verdicts.
        store: Where to publish, such as file:///data/store or s3://bucket/prefix; empty takes
            MATTEFLOW_STORE.
    """
    address = store or settings().store
    try:
        listed, chosen, withheld = prepare(sources, recipe, address)
    except InputError as error:
        return Failed(name="BadInput", message=str(error))
    except ListingError as error:
        return Failed(name="ListingDown", message=str(error))
    except WorldError as error:
        return Failed(name="StoreDown", message=str(error))
    started_at = datetime.now(UTC)
    run_id, workspace = name_run(started_at, flow_run_id()), Workspace.of(settings())
    outcomes, flow_runs = _work(listed, chosen, run_id, workspace)
    record = RunRecord(
        run_id=run_id,
        started_at=started_at,
        sources=redacted(sources),
        recipe=chosen,
        outcomes=outcomes,
        withheld=withheld,
    )
    published, problem = _publish(record, publish, address, workspace)
    record = record.model_copy(update={"publication": published})
    finish_run(record, workspace, flow_runs)
    workspace.trim(round(settings().copy_gb * 1e9))
    return _final_state(record, problem)


def _work(
    sources: tuple[Source, ...], recipe: Recipe, run_id: str, workspace: Workspace
) -> tuple[tuple[SourceOutcome, ...], dict[str, str]]:
    """Take the sources through all stages, a long list in batches.

    Returns the outcomes in the order of the list, and the flow runs of batches by source.
    """
    size = settings().batch_size
    if len(sources) <= size:
        chains = run_chains(sources, recipe, settings().sources_in_flight)
        return in_order(sources, tell_progress(chains, len(sources), "sources")), {}
    batches = write_batches(run_id, sources, recipe, size, workspace)
    ended = tell_progress(run_batches(batches, ingest_batch, workspace), len(batches), "batches")
    done = sorted(ended, key=lambda done: done.batch.number)
    outcomes = tuple(outcome for batch in done for outcome in batch.outcomes)
    runs = {source.source_id: batch.flow_run for batch in done for source in batch.batch.sources}
    return outcomes, runs


def _publish(
    record: RunRecord, mode: PublishMode, address: str, workspace: Workspace
) -> tuple[Publication | None, str]:
    """Publish as the mode says; return what was published, or why it could not be."""
    if mode == "never" or (mode == "complete" and record.failed):
        return None, ""
    recipe = record.recipe
    try:
        earlier = earlier_runs(recipe, workspace, address, before=record.run_id)
        outcomes = gather(record.outcomes, earlier, recipe, workspace)
    except (InputError, ArtifactError) as error:
        return None, str(error)
    state = publish_version(outcomes, recipe, address, record.started_at, return_state=True)
    result = state.result(raise_on_failure=False)
    return (result, "") if isinstance(result, Publication) else (None, str(result))


def _final_state(record: RunRecord, problem: str) -> State[Any]:
    """Say how the run ended; the state's data is the run's name."""
    said = problem or describe_publication(record)
    if record.failed:
        names = ", ".join(outcome.source.source_id for outcome in record.failed)
        count = f"{len(record.failed)} of {len(record.outcomes)} sources failed"
        return Failed(
            name="PartialFailure", message=f"{count}: {names}. {said}", data=record.run_id
        )
    if problem:
        return Failed(name="NotPublished", message=problem, data=record.run_id)
    return Completed(message=said, data=record.run_id)
