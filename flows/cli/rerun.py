"""`matteflow rerun`."""

from typing import Annotated

import typer

from flows.cli.console import FAILED, console
from flows.cli.flow_run import flow_run, prepare_console
from flows.cli.options import Verbose
from tasks.common.errors import InputError
from tasks.common.records import SourceStage


def rerun(
    stage: Annotated[SourceStage, typer.Argument(help="The stage to run again.")],
    source: Annotated[str, typer.Argument(help="The source's id.")],
    run: Annotated[
        str, typer.Option(help="The run whose recipe is used; empty takes the newest run.")
    ] = "",
    refresh: Annotated[
        bool, typer.Option(help="Compute the stage even if its stored result is valid.")
    ] = True,
    downstream: Annotated[bool, typer.Option(help="Also run the stages after it.")] = True,
    verbose: Verbose = False,
) -> None:
    """Run one stage of one source again, and the stages that depend on it."""
    prepare_console(verbose)
    # Late, for the reason that `prepare_console` gives.
    from flows.rerun import rerun as rerun_flow

    with flow_run(f"{stage} of {source}"):
        state = rerun_flow(
            stage=stage, source=source, run=run,
            refresh=refresh, downstream=downstream, return_state=True,
        )  # fmt: skip
    # As an exception, so that the exit code is that of wrong input.
    if state.name == "BadInput":
        raise InputError(str(state.message))
    console.print(str(state.message), highlight=False)
    if not state.is_completed():
        raise typer.Exit(FAILED)
