"""Decisions of curators as CSV files, which people read and git holds."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import console
from flows.cli.options import RunOption, Store
from flows.engine.decisions import import_decisions, lines_of_run
from flows.engine.run_record import load_run
from tasks.common.errors import InputError
from tasks.common.files import write_file
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.decisions import read_all_decisions
from tasks.review.task import decode_decisions, encode_decisions


def decisions_export(
    to: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The CSV file to write.")],
    run: RunOption = "",
    everything: Annotated[
        bool, typer.Option("--all", help="All decisions of the workspace, not those of one run.")
    ] = False,
) -> None:
    """Write what curators decided, undone decisions included, as a CSV file."""
    if everything and run:
        raise InputError("Give either --run or --all.")
    workspace = Workspace.of(settings())
    if everything:
        lines = [line for own in read_all_decisions(workspace).values() for line in own]
    else:
        lines = lines_of_run(load_run(workspace, run or None), workspace)
    try:
        write_file(to.expanduser().absolute(), encode_decisions(lines))
    except OSError as error:
        raise InputError(f"{to} cannot be written ({error.strerror or error}).") from error
    console.print(f"{len(lines)} decisions are in {to}.", highlight=False, soft_wrap=True)


def decisions_import(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A CSV file of decisions.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    store: Store = "",
) -> None:
    """Take decisions from a CSV file: all of them, or none if a row is wrong."""
    try:
        data = file.expanduser().read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror or error}).") from error
    decisions = decode_decisions(data, file.name)
    workspace, address = Workspace.of(settings()), store or settings().store
    new = import_decisions(decisions, workspace, address, dry_run=dry_run)
    n_known = len({each.id for each in decisions}) - len(new)
    verb = "would be imported" if dry_run else "were imported"
    console.print(
        f"{len(new)} decisions {verb}, {n_known} were there already.",
        highlight=False,
        soft_wrap=True,
    )
    if new and not dry_run:
        console.print("The next ingest or publication applies them.", highlight=False)
