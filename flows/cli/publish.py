"""`matteflow publish`."""

from typing import Annotated

import typer

from flows.cli.flow_run import flow_run, prepare_console, report_end
from flows.cli.options import RunName, Store, Verbose


def publish(
    run: RunName = "",
    recipe: Annotated[
        str, typer.Option(help="Publish by this recipe instead of the run's; no model runs.")
    ] = "",
    store: Store = "",
    revive: Annotated[
        bool, typer.Option("--revive", help="Publish retired content again, as a new version.")
    ] = False,
    also: Annotated[
        list[str] | None, typer.Option(help="Another run to publish together with this one.")
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="A sample, or a source with all its samples, to leave out from now on."),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Publish the kept crops of a finished run, by its own recipe or another."""
    prepare_console(verbose)
    # Late, for the reason that `prepare_console` gives.
    from flows.publish import publish_run

    with flow_run("publish"):
        state = publish_run(
            run=run,
            recipe=recipe,
            store=store,
            revive=revive,
            also=also or [],
            drop=drop or [],
            return_state=True,
        )
    report_end(state)
