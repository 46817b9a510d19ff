"""What a run leaves in the Prefect UI: a table, contact sheets, a link to the report."""

from collections.abc import Iterable
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import FlowRunContext

from flows.runs import RunRecord, run_folder, save_run
from tasks.common.artifacts import Workspace
from tasks.publish.task import (
    Subset,
    all_drops,
    funnel,
    reasons,
    report,
    set_aside,
    sheets,
    source_lines,
)

_KEY = "ingest"


def flow_run_id() -> str:
    """Return the id of the flow run that this code runs in."""
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context and context.flow_run else "local"


def finish_run(record: RunRecord, workspace: Workspace) -> None:
    """Keep a run's record, write its report, and leave its pages in the Prefect UI."""
    title = f"{record.recipe.publish.name}: run {record.run_id}"
    save_run(record, workspace)
    folder = run_folder(record.run_id)
    page = report(record.outcomes, record.recipe, title, describe_publication(record), folder)
    leave_pages(record, workspace, page)


def leave_pages(record: RunRecord, workspace: Workspace, report_uri: str) -> None:
    """Create the artifacts of a run; keys are the same each time, so the UI shows their history."""
    subset = Subset(record.outcomes, workspace, record.recipe.filter)
    create_table_artifact(
        key=f"{_KEY}-sources",
        table=[line._asdict() for line in source_lines(subset)],
        description="What became of each source.",
    )
    create_markdown_artifact(
        key=f"{_KEY}-summary",
        markdown=_summary(record, subset, report_uri),
        description="Funnel, drop reasons, publication.",
    )
    for verdict, (n_crops, picture) in sheets(subset).items():
        create_markdown_artifact(
            key=f"{_KEY}-crops-{verdict}",
            markdown=f"## {verdict}: {n_crops} crops\n\n![{verdict}]({picture})\n",
            description=f"Contact sheet of the crops with the verdict {verdict}.",
        )


def _summary(record: RunRecord, subset: Subset, report_uri: str) -> str:
    steps = "".join(f"| {step.label} | {step.n} {step.unit} |\n" for step in funnel(subset))
    return (
        f"## {record.run_id}\n\n{describe_publication(record)}\n\nReport: `{report_uri}`\n\n"
        f"| step | items |\n|---|---|\n{steps}\n"
        + _reasons("Dropped", all_drops(subset))
        + _reasons("For review", set_aside(subset))
    )


def _reasons(title: str, told: Iterable[dict[str, Any]]) -> str:
    rows = "".join(
        f"| {reason.stage} | {reason.reason} | {reason.n} | {reason.example} |\n"
        for reason in reasons(told)
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
    )
