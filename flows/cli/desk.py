"""`matteflow desk`."""

import getpass
from contextlib import suppress
from typing import Annotated

import typer

from flows.cli.console import console
from flows.cli.options import Store
from flows.desk.server import LOOPBACK, Listener, open_desk
from flows.desk.state import Desk
from tasks.common.settings import settings


def desk(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Names of runs; empty takes the newest run.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The port; 0 takes a free one, empty 8760 if free."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; anything but loopback is open to others.")
    ] = LOOPBACK,
    author: Annotated[
        str, typer.Option(help="Who decides; empty takes the name of this account.")
    ] = "",
    store: Store = "",
) -> None:
    """Open the curator's desk: look through runs and decide in the browser."""
    listener = Listener(host, port)
    # Bound before the tables are read: a port that is taken is said at once.
    opened = open_desk(runs or [], settings(), store)
    # From here on Ctrl-C is how the desk ends, not an interruption.
    with suppress(KeyboardInterrupt):
        _announce(opened, listener)
        listener.serve(opened, author or _account(), settings())
    console.print("The desk is closed.")


def _announce(opened: Desk, listener: Listener) -> None:
    names = ", ".join(record.run_id for record in opened.index.records)
    console.print(f"{len(opened.index)} crops of {names}", highlight=False, soft_wrap=True)
    if not listener.is_private:
        console.print(
            f"The desk listens on {listener.host}: whoever reaches this machine there and has the "
            "address below sees all pictures of these runs, and can decide and publish in any "
            "name. The connection is not encrypted. Without --host only this machine reaches it.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    console.print("Ctrl-C ends it; decisions are kept.", highlight=False)
    console.print(f"Desk: {listener.address}", highlight=False, soft_wrap=True)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return "curator"
