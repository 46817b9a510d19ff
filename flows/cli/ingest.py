"""`matteflow ingest`."""

from typing import Annotated

import typer

from flows.cli.console import print_warning
from flows.cli.flow_run import flow_run, prepare_console, report_end
from flows.cli.options import SourceList, Store, Verbose
from flows.engine.handed_over import without_secrets
from tasks.common.records import PublishMode
from tasks.common.settings import settings
from tasks.common.uri import redacted


def ingest(
    sources: SourceList,
    recipe: Annotated[str, typer.Option(help="A recipe's name or YAML file.")] = "people",
    publish: Annotated[
        PublishMode,
        typer.Option(
            help="complete: only if all sources succeed; partial: the sources that succeed; never."
        ),
    ] = "complete",
    store: Store = "",
    verbose: Verbose = False,
) -> None:
    """Take sources through all stages and publish what is kept."""
    prepare_console(verbose)
    from flows.ingest import ingest as ingest_flow
    from flows.ingest import prepare

    # Also done by the flow itself; here a mistake costs a second instead of the server's start.
    prepared = prepare(sources, recipe, store or settings().store)
    if prepared.notice:
        print_warning(prepared.notice)
    with flow_run(f"ingest {redacted(sources)} with the recipe {recipe}"):
        state = ingest_flow(
            sources=without_secrets(sources),
            recipe=recipe,
            publish=publish,
            store=store,
            return_state=True,
        )
    report_end(state)
