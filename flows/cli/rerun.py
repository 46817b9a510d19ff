"""The command line for doing one task of one source again."""

from enum import StrEnum
from typing import Annotated

import typer

from tasks.common.errors import InputError

app = typer.Typer()


class StageName(StrEnum):
    """The tasks of a source."""

    download = "download"
    sample = "sample"
    detect = "detect"
    pose = "pose"
    screen = "screen"
    matte = "matte"
    filter = "filter"


@app.command()
def rerun(
    stage: Annotated[StageName, typer.Argument(help="Which task.")],
    source: Annotated[str, typer.Argument(help="The source's id.")],
    run: Annotated[str, typer.Option(help="The run whose recipe counts; else the newest.")] = "",
    refresh: Annotated[
        bool, typer.Option(help="Compute it even if a good result is there.")
    ] = True,
    downstream: Annotated[bool, typer.Option(help="Go on with the tasks after it.")] = True,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show Prefect's log.")] = False,
) -> None:
    """Do one task of one source again, and what depends on it."""
    from flows.engine.prefect_env import quieten_console

    if not verbose:
        quieten_console()
    from flows.cli.console import console, progress_bars
    from flows.rerun import rerun as rerun_flow

    with progress_bars(f"{stage.value} of {source}"):
        state = rerun_flow(
            stage=stage.value, source=source, run=run,
            refresh=refresh, downstream=downstream, return_state=True,
        )  # fmt: skip
    if state.name == "BadInput":
        raise InputError(str(state.message))
    console.print(str(state.message), highlight=False)
    if not state.is_completed():
        raise typer.Exit(1)
