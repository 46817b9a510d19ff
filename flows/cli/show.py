"""`matteflow show`."""

from flows.cli.console import console
from flows.cli.options import RunName
from flows.cli.tables import print_run
from flows.engine.prefect_artifacts import describe_publication
from flows.engine.run_record import load_run, run_folder
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace


def show(run: RunName = "") -> None:
    """Show a run's funnel, its drops and their reasons."""
    workspace = Workspace.of(settings())
    record = load_run(workspace, run or None)
    print_run(record, workspace)
    console.print(describe_publication(record), highlight=False)
    if record.publication:
        console.print(f"Subset: {record.publication.url}", soft_wrap=True, highlight=False)
    # Also for a run of another machine, if the workspace is a bucket.
    page = workspace.url(f"{run_folder(record.run_id)}/report.html")
    console.print(f"Report: {page}", soft_wrap=True, highlight=False)
