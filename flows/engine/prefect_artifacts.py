"""What a run leaves in the Prefect UI: progress, tables, contact sheets, links."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from tasks.common.recipe.models import Recipe
from tasks.common.records import Drop, SourceOutcome, Verdict
from tasks.common.schema.run_crops import RunCrops
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.task import apply_takedowns
from tasks.deduplicate.task import deduplicate, reuse_or_deduplicate
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
_MAX_ROWS = 1000
_PERCENT = 100.0


def flow_run_id() -> str:
    """Return the id of the flow run that this code runs in."""
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context and context.flow_run else "local"


def is_deployed() -> bool:
    """Say whether a worker started this flow run, so that there are workers."""
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.deployment_id)


def finish_run(record: RunRecord, workspace: Workspace, flow_runs: Mapping[str, str]) -> None:
    """Keep a run's record, write its report, and leave its pages in the Prefect UI.

    What was taken down since the run shows on none of them. `flow_runs` names, by source, the flow
    runs of batches.
    """
    save_run(record, workspace)
    name, bounds = record.recipe.publish.name, record.recipe.filter
    outcomes = apply_takedowns(record.outcomes, Takedowns.of(workspace), workspace)
    crops = deduplicate(outcomes, bounds)
    reviewed = review(outcomes, crops, bounds, name)
    title, folder = f"{name}: run {record.run_id}", run_folder(record.run_id)
    note = describe_publication(record)
    page = report(outcomes, crops, reviewed, bounds, title, note, folder)
    run = workspace.run_crops(crops)
    _leave_sources(source_lines(outcomes, run), flow_runs)
    create_markdown_artifact(
        key=f"{_KEY}-summary",
        markdown=_summary(record, outcomes, run, page, workspace),
        description="Funnel, drop reasons, publication.",
    )
    for verdict in get_args(Verdict):
        n_crops = len(run.of(verdict))
        if n_crops:
            picture = sheet_uri(reviewed, verdict, workspace)
            create_markdown_artifact(
                key=f"{_KEY}-crops-{verdict}",
                markdown=f"## {verdict}: {n_crops} crops\n\n![{verdict}]({picture})\n",
                description=f"Contact sheet of the crops with the verdict {verdict}.",
            )


def leave_sources(outcomes: Sequence[SourceOutcome], recipe: Recipe, workspace: Workspace) -> None:
    """Leave the table of what became of each source of a batch."""
    crops = reuse_or_deduplicate(outcomes, recipe.filter, workspace)
    _leave_sources(source_lines(outcomes, workspace.run_crops(crops)), {})


def _leave_sources(lines: Sequence[SourceLine], flow_runs: Mapping[str, str]) -> None:
    """Leave a table with failed sources first; of very many the others are counted only."""
    failed_first = sorted(lines, key=lambda line: line.state == "done")
    table = [_source_row(line, flow_runs) for line in failed_first[:_MAX_ROWS]]
    n_failed = sum(line.state != "done" for line in lines)
    description = f"What became of each source: {n_failed} of {len(lines)} failed."
    if len(lines) > _MAX_ROWS:
        description += f" The first {_MAX_ROWS} are shown, failed ones first; the report has all."
    create_table_artifact(key=f"{_KEY}-sources", table=table, description=description)


def _source_row(line: SourceLine, flow_runs: Mapping[str, str]) -> TableRow:
    """Return a row with what matters most first: long sentences push the rest out of sight."""
    counts = line._asdict()
    first = {name: counts.pop(name) for name in ("source_id", "state", "cause")}
    link = {"flow_run": _run_link(flow_runs[line.source_id])} if flow_runs else {}
    return first | link | counts


def leave_stages(after: SourceOutcome, before: SourceOutcome) -> None:
    """Leave the table of what a rerun changed, stage by stage."""
    table: list[TableRow] = [
        {
            "stage": result.stage,
            "in": result.n_in,
            "kept": result.n_kept,
            "dropped": result.n_dropped,
            "handed on": result.n_out,
            "result": _compared(result.digest, before.result(result.stage)),
        }
        for result in after.stages
    ]
    if after.error is not None:
        table.append({"stage": after.failed_stage, "result": f"failed: {after.error}"})
    create_table_artifact(
        key="rerun-stages",
        table=table,
        description=f"What the stages of {after.source.source_id} gave this time.",
    )


def _compared(digest: str, before: Any) -> str:
    if before is None:
        return "new"
    return "the same as before" if before.digest == digest else "changed"


def tell_progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield the items, moving a bar in the Prefect UI as each is done."""
    bar = create_progress_artifact(0.0, key=f"{_KEY}-progress", description=f"0 of {total} {what}")
    for n_done, item in enumerate(items, start=1):
        yield item
        update_progress_artifact(
            _id_of(bar),
            progress=_PERCENT * n_done / total,
            description=f"{n_done} of {total} {what}",
        )


def _id_of(bar: Any) -> UUID:
    return UUID(str(bar))


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
        + _places(record, page, workspace)
        + "".join(f"- {sentence}\n" for sentence in record.withheld)
        + f"\n| step | items |\n|---|---|\n{steps}\n"
        + _reasons("Dropped", all_drops(outcomes, run, workspace))
        + _reasons("For review", for_review(run.crops))
    )


def _places(record: RunRecord, page: str, workspace: Workspace) -> str:
    """Say where report and published version are, as links where browsers reach them."""
    here, made = settings(), record.publication
    lines = [f"Report: {_link(page, workspace.url(''), here.workspace_url)}"]
    if made is not None:
        root = made.url.partition("trees/")[0]
        lines += [
            f"Published version: {_link(made.url, root, here.store_url)}",
            f"To fetch it: `matteflow pull {made.name}@v{made.version} --to FOLDER`",
        ]
    return "".join(f"- {line}\n" for line in lines) + "\n"


def _link(address: str, root: str, browsable: str) -> str:
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
    """Say in one sentence what was published."""
    made = record.publication
    if made is None:
        return "Nothing was published."
    state = "Published" if made.is_new else "Unchanged, still"
    return (
        f"{state} {made.name} v{made.version}: {made.n_samples} samples "
        f"({made.n_train} train, {made.n_val} val). {made.n_uploaded} files uploaded, "
        f"{made.n_copied} copied, {made.n_present} there already."
        + (
            f" {made.n_left_out} kept crops were left out; the card says why."
            * bool(made.n_left_out)
        )
    )
