"""The command line for where data come from: what must not be used any more."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.cli.versions import Store, ledger_of
from tasks.common.errors import InputError

app = typer.Typer()

_MAX_LINES = 20


@app.command()
def takedown(
    source: Annotated[str, typer.Option(help="A source's id.")] = "",
    uploader: Annotated[str, typer.Option(help="An uploader, with all sources.")] = "",
    reason: Annotated[str, typer.Option(help="Why; kept with the record.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only tell what is derived.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Allow it again.")] = False,
    store: Store = "",
) -> None:
    """Take a source or an uploader out of all that comes: no ingest, no later version has it."""
    from flows.cli.console import console
    from flows.takedown import Kind, find_derived, lift, take_down
    from tasks.common.settings import settings
    from tasks.common.workspace.artifacts import Workspace

    if bool(source) == bool(uploader):
        raise InputError("Name one of --source ID and --uploader ID.")
    kind: Kind = "source" if source else "uploader"
    name = source or uploader
    workspace, ledger = Workspace.of(settings()), ledger_of(store)
    if undo:
        lift(kind, name, workspace, ledger)
        console.print(f"{kind} {name} may be used again.", highlight=False)
        return
    found = find_derived(kind, name, workspace, ledger)
    for what, ids in (
        ("sources", found.source_ids),
        ("media", found.media_ids),
        ("crops", found.crop_ids),
    ):
        shown = " ".join(ids[:_MAX_LINES]) + (" …" if len(ids) > _MAX_LINES else "")
        console.print(f"{len(ids)} {what}: {shown}", highlight=False, soft_wrap=True)
    for held in found.versions:
        state = " (retired)" if held.is_retired else ""
        console.print(f"{held.label} holds {held.n_samples} samples{state}", highlight=False)
    if preview:
        console.print("Nothing was recorded.")
        return
    record = take_down(kind, name, reason, found, workspace, ledger, datetime.now(UTC))
    console.print(f"Recorded: {record.sentence()}", highlight=False, soft_wrap=True)
    _say_what_next([held.label for held in found.versions if not held.is_retired])


def _say_what_next(labels: list[str]) -> None:
    from flows.cli.console import console

    if not labels:
        return
    console.print(
        "Published versions never change. `matteflow publish` (or the next ingest) makes the next "
        "version without it; then take these out of use, and let `matteflow gc --delete` remove "
        "their files after the days of grace:",
        soft_wrap=True,
    )
    for label in labels:
        console.print(f"  matteflow retire {label} --reason takedown", highlight=False)


@app.command()
def takedowns(
    store: Store = "",
) -> None:
    """List what was taken down, when and why."""
    from flows.cli.console import console
    from tasks.common.settings import settings
    from tasks.common.workspace.artifacts import Workspace
    from tasks.common.workspace.takedowns import Takedowns

    records = Takedowns.of(Workspace.of(settings()), ledger_of(store).store).records
    for record in records:
        console.print(record.sentence(), highlight=False, soft_wrap=True)
    console.print(f"{len(records)} takedowns.", highlight=False)
