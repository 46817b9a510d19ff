"""Artifacts of a run in the Prefect UI: progress, tables, contact sheets, links."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.context import FlowRunContext

from flows.engine.run_record import RunRecord, run_folder, save_run
from flows.engine.work_orders import Receipt
from tasks.annotate.task import Order
from tasks.common.recipe.models import Recipe
from tasks.common.records import Drop, SourceOutcome, StageResult, Verdict
from tasks.common.schema.run_crops import RunCrops
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.task import apply_takedowns
from tasks.deduplicate.task import deduplicate, reuse_or_deduplicate
from tasks.publish.task import Problem, Unreferenced
from tasks.review.task import (
    SourceLine,
    all_drops,
    for_review,
    funnel,
    reasons,
    report,
    review,
    sheet_uri,
    source_lines,
)

T = TypeVar("T")
TableRow = dict[str, Any]  # JSON values by the title of their column, as Prefect shows them
_KEY = "ingest"
_MAX_ROWS = 1000  # a table is one value in Prefect's database; the report has all rows
_MAX_MAINTENANCE_ROWS = 500
_PERCENT = 100.0


def flow_run_id() -> str:
    """Return the id of the flow run that this code runs in."""
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context and context.flow_run else "local"


def is_deployed() -> bool:
    """Return whether a worker started this flow run, which means that workers exist."""
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.deployment_id)


def finish_run(
    record: RunRecord, workspace: Workspace, flow_runs: Mapping[str, str], store: str
) -> int:
    """Save a run's record, write its report, and create its artifacts in the Prefect UI.

    Returns the number of crops that people should look at. Sources that were taken down since the
    run, here or by another machine in the store, are left out of report and artifacts. `flow_runs`
    has the ids of the batches' flow runs by source id.
    """
    # First the record: the rest can be made from it again.
    save_run(record, workspace)
    name, bounds = record.recipe.publish.name, record.recipe.filter
    takedowns = Takedowns.of(workspace, open_store(store))
    outcomes = apply_takedowns(record.outcomes, takedowns, workspace)
    # From the cache where `publish_outcomes` called these tasks with the same outcomes.
    crops = deduplicate(outcomes, bounds)
    reviewed = review(outcomes, crops, bounds, name)
    title, folder = f"{name}: run {record.run_id}", run_folder(record.run_id)
    note = describe_publication(record)
    # Written before the artifacts, which link to it.
    page = report(outcomes, crops, reviewed, bounds, title, note, folder)
    run = workspace.run_crops(crops)
    _create_sources_artifact(source_lines(outcomes, run), flow_runs)
    create_markdown_artifact(
        key=f"{_KEY}-summary",
        markdown=_summary(record, outcomes, run, page, workspace),
        description="Funnel, drop reasons, publication.",
    )
    for verdict in get_args(Verdict):
        n_crops = len(run.of(verdict))
        if n_crops:
            # A data URI, since a workspace need not have a URL that browsers can open.
            picture = sheet_uri(reviewed, verdict, workspace)
            create_markdown_artifact(
                key=f"{_KEY}-crops-{verdict}",
                markdown=f"## {verdict}: {n_crops} crops\n\n![{verdict}]({picture})\n",
                description=f"Contact sheet of the crops with the verdict {verdict}.",
            )
    return len(run.of("review"))


def create_order_artifact(order: Order, folder: Path) -> None:
    """Create the table of a work order's samples, in the order in which they help."""
    table = [
        {
            "sample": item.sample,
            "source": item.source_id,
            "verdict": item.verdict,
            "margin": item.margin,
            "masks of the person": item.n_in_track,
            "why": item.sentence,
        }
        for item in order.items[:_MAX_ROWS]
    ]
    description = f"Work order {order.order}: {len(order.items)} samples in {folder}."
    create_table_artifact(key="review-order", table=table, description=description)


def create_delivery_artifact(receipt: Receipt) -> None:
    """Create the table of what became of each file of a delivery, refused ones first."""
    refused_first = sorted(receipt.outcomes, key=lambda outcome: outcome.result != "refused")
    table = [outcome._asdict() for outcome in refused_first[:_MAX_ROWS]]
    description = f"Work order {receipt.order.order}: {receipt.summary}."
    create_table_artifact(key="review-delivery", table=table, description=description)


def create_batch_artifact(
    outcomes: Sequence[SourceOutcome], recipe: Recipe, workspace: Workspace
) -> None:
    """Create the table of a batch's sources with the outcome of each."""
    crops = reuse_or_deduplicate(outcomes, recipe.filter, workspace)
    _create_sources_artifact(source_lines(outcomes, workspace.run_crops(crops)), {})


def _create_sources_artifact(lines: Sequence[SourceLine], flow_runs: Mapping[str, str]) -> None:
    """Create the table of sources, failed ones first; rows beyond the limit are only counted."""
    # False sorts before True, and the sort is stable: the order of the list holds within both.
    failed_first = sorted(lines, key=lambda line: line.state == "done")
    table = [_source_row(line, flow_runs) for line in failed_first[:_MAX_ROWS]]
    n_failed = sum(line.state != "done" for line in lines)
    description = f"The outcome of each source: {n_failed} of {len(lines)} failed."
    if len(lines) > _MAX_ROWS:
        description += f" The first {_MAX_ROWS} are shown, failed ones first; the report has all."
    create_table_artifact(key=f"{_KEY}-sources", table=table, description=description)


def _source_row(line: SourceLine, flow_runs: Mapping[str, str]) -> TableRow:
    """Return a row of the table; id, state and cause come first."""
    # A long cause pushes the columns after it out of sight, so the counts come last.
    counts = line._asdict()
    first = {name: counts.pop(name) for name in ("source_id", "state", "cause")}
    link = {"flow_run": _run_link(flow_runs[line.source_id])} if flow_runs else {}
    return first | link | counts


def create_rerun_artifact(after: SourceOutcome, before: SourceOutcome) -> None:
    """Create the table of a rerun's stages, with what changed since the previous outcome."""
    table: list[TableRow] = [
        {
            "stage": result.stage,
            "in": result.n_in,
            "kept": result.n_kept,
            "dropped": result.n_dropped,
            "handed on": result.n_out,
            "result": _compare(result.digest, before.result(result.stage)),
        }
        for result in after.stages
    ]
    if after.error is not None:
        table.append({"stage": after.failed_stage, "result": f"failed: {after.error}"})
    create_table_artifact(
        key="rerun-stages",
        table=table,
        description=f"The results of the stages of {after.source.source_id}.",
    )


def create_maintenance_artifact(
    key: str, description: str, items: Sequence[Problem | Unreferenced]
) -> None:
    """Create a table of problems or of unreferenced files, a row each."""
    table = [{name: str(value) for name, value in item._asdict().items()} for item in items]
    if len(table) > _MAX_MAINTENANCE_ROWS:
        description += f" {len(table)} rows, the first {_MAX_MAINTENANCE_ROWS} shown."
    create_table_artifact(key=key, table=table[:_MAX_MAINTENANCE_ROWS], description=description)


def _compare(digest: str, before: StageResult | None) -> str:
    if before is None:
        return "new"
    return "the same as before" if before.digest == digest else "changed"


def track_progress(items: Iterable[T], total: int, unit: str) -> Iterator[T]:
    """Yield the items and advance a progress bar in the Prefect UI after each."""
    created: Any = create_progress_artifact(
        0.0, key=f"{_KEY}-progress", description=f"0 of {total} {unit}"
    )
    # Prefect types it as an id or a coroutine; it is a coroutine only inside an event loop.
    bar = UUID(str(created))
    for n_done, item in enumerate(items, start=1):
        yield item
        update_progress_artifact(
            bar,
            progress=_PERCENT * n_done / total,
            description=f"{n_done} of {total} {unit}",
        )


def _run_link(flow_run: str) -> str:
    return f"[{flow_run[:8]}](/runs/flow-run/{flow_run})"


def _summary(
    record: RunRecord,
    outcomes: Sequence[SourceOutcome],
    run: RunCrops,
    page: str,
    workspace: Workspace,
) -> str:
    steps = "".join(
        f"| {step.label} | {step.n} {step.unit} |\n" for step in funnel(outcomes, run.crops)
    )
    return (
        f"## {record.run_id}\n\n{describe_publication(record)}\n\n"
        + _links(record, page, workspace)
        + "".join(f"- {sentence}\n" for sentence in (*record.withheld, *record.skipped))
        + f"\n| step | items |\n|---|---|\n{steps}\n"
        + _reasons("Dropped", all_drops(outcomes, run, workspace))
        + _reasons("For review", for_review(run.crops))
    )


def _links(record: RunRecord, page: str, workspace: Workspace) -> str:
    """Return where report and published version are, as links if a browser can open them."""
    config, publication = settings(), record.publication
    lines = [f"Report: {_link(page, workspace.url(''), config.workspace_url)}"]
    if publication is not None:
        # `trees/` is where `tasks.publish.records.tree_prefix` begins; all before it is the store.
        root = publication.url.partition("trees/")[0]
        version = f"{publication.name}@v{publication.version}"
        lines += [
            f"Published version: {_link(publication.url, root, config.store_url)}",
            f"To download it: `matteflow pull {version} --to FOLDER`",
        ]
    return "".join(f"- {line}\n" for line in lines) + "\n"


def _link(address: str, root: str, browsable: str) -> str:
    """Return an address as a link below the `browsable` URL of its root, or as plain text."""
    if not browsable:
        return f"`{address}`"
    url = f"{browsable.rstrip('/')}/{address.removeprefix(root).lstrip('/')}"
    return f"[{address}]({url})"


def _reasons(title: str, drops: Iterable[Drop]) -> str:
    rows = "".join(
        f"| {reason.stage} | {reason.reason} | {reason.n} | {reason.example} |\n"
        for reason in reasons(drops)
    )
    head = "| stage | reason | items | for example |\n|---|---|---|---|\n"
    return f"### {title}\n{head}{rows}\n" if rows else ""


def describe_publication(record: RunRecord) -> str:
    """Return one or two sentences on what a run published."""
    publication = record.publication
    if publication is None:
        return "Nothing was published."
    state = "Published" if publication.is_new else "Unchanged, still"
    sentence = (
        f"{state} {publication.name} v{publication.version}: {publication.n_samples} samples "
        f"({publication.n_train} train, {publication.n_val} val). "
        f"{publication.n_uploaded} files uploaded, {publication.n_copied} copied, "
        f"{publication.n_present} there already."
    )
    if publication.n_left_out:
        sentence += f" {publication.n_left_out} kept crops were left out; the card says why."
    if publication.n_carried:
        sentence += (
            f" {publication.n_carried} samples were carried over as they were published: their "
            "sources were not judged again."
        )
    if publication.n_uncorrected:
        sentence += (
            f" Corrections of {publication.n_uncorrected} of them wait until their source is "
            "ingested again."
        )
    return sentence
