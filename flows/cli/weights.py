"""`matteflow weights`."""

from typing import Annotated

import typer
from rich.table import Table

from flows.cli.console import console
from tasks.common.errors import InputError
from tasks.common.settings import settings
from tasks.common.weights.catalogue import catalogue
from tasks.common.weights.fetch import is_present, require_weights


def weights(
    fetch: Annotated[
        list[str] | None, typer.Option(help="Download the weights with this name now.")
    ] = None,
) -> None:
    """List the catalogue of model weights, or download some ahead of time."""
    known, models = catalogue(), settings().models
    # Before the table, so that it shows the result. For machines without network later on.
    for name in fetch or []:
        if name not in known:
            raise InputError(f"No weights {name!r}. Known: {', '.join(sorted(known))}.")
        if known[name].service is not None:
            raise InputError(f"{name} is a service; expected the name of weights with a file.")
        console.print(f"{name}: {require_weights(known[name], models)}", soft_wrap=True)
    table = Table("name", "role", "licence", "sha256", "here")
    for entry in known.values():
        here = "yes" if is_present(entry, models) else "no"
        if entry.service is not None:
            here = "key is set" if settings().removebg_key.get_secret_value() else "no key"
        table.add_row(entry.name, entry.role, entry.licence, entry.sha256[:12], here)
    console.print(table)
