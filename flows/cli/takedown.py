"""`matteflow takedown` and `matteflow takedowns`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.cli.console import console
from flows.cli.options import Store
from flows.cli.registry import open_registry
from flows.engine.derived import Derived, find_derived
from flows.takedown import lift, take_down
from tasks.common.errors import InputError
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import TakedownKind, Takedowns

_MAX_IDS = 20


def takedown(
    source: Annotated[str, typer.Option(help="A source's id.")] = "",
    uploader: Annotated[
        str, typer.Option(help="An uploader's name; covers all of their sources.")
    ] = "",
    reason: Annotated[str, typer.Option(help="The reason; kept with the record.")] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Only list what is derived from it.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Lift the takedown.")] = False,
    store: Store = "",
) -> None:
    """Remove a source or an uploader from all future ingests and versions."""
    # Exactly one of the two.
    if bool(source) == bool(uploader):
        raise InputError("Give either --source ID or --uploader ID.")
    kind: TakedownKind = "source" if source else "uploader"
    name = source or uploader
    workspace, registry = Workspace.of(settings()), open_registry(store)
    if undo:
        lift(kind, name, workspace, registry)
        console.print(f"{kind} {name} may be used again.", highlight=False)
        return
    # Before the record is written, which repeats what was found: runs may be deleted later.
    derived = find_derived(kind, name, workspace, registry)
    _print_derived(derived)
    if preview:
        console.print("Nothing was recorded.")
        return
    record = take_down(kind, name, reason, derived, workspace, registry, datetime.now(UTC))
    console.print(f"Recorded: {record.sentence()}", highlight=False, soft_wrap=True)
    in_use = [version.label for version in derived.versions if not version.is_retired]
    _print_retirement_steps(in_use)


def takedowns(store: Store = "") -> None:
    """List the takedowns with their dates and reasons."""
    records = Takedowns.of(Workspace.of(settings()), open_registry(store).store).records
    for record in records:
        console.print(record.sentence(), highlight=False, soft_wrap=True)
    console.print(f"{len(records)} takedowns.", highlight=False)


def _print_derived(derived: Derived) -> None:
    for kind, ids in (
        ("sources", derived.source_ids),
        ("media", derived.media_ids),
        ("crops", derived.crop_ids),
    ):
        first_ids = " ".join(ids[:_MAX_IDS]) + (" …" if len(ids) > _MAX_IDS else "")
        console.print(f"{len(ids)} {kind}: {first_ids}", highlight=False, soft_wrap=True)
    if derived.n_corrections:
        console.print(
            f"{derived.n_corrections} masks by annotators, which a takedown removes for good.",
            highlight=False,
        )
    if derived.n_decisions:
        console.print(
            f"{derived.n_decisions} lines of curators' decisions, which a takedown removes for "
            "good.",
            highlight=False,
        )
    for version in derived.versions:
        state = " (retired)" if version.is_retired else ""
        console.print(f"{version.label} has {version.n_samples} samples{state}", highlight=False)


def _print_retirement_steps(labels: Sequence[str]) -> None:
    """Print how to remove the versions that have samples of what was taken down."""
    if not labels:
        return
    console.print(
        "Published versions never change. Publish the next version without these samples, by "
        "`matteflow publish` or the next ingest. Then retire the versions below, and run "
        "`matteflow gc --delete` to remove their files after the grace period:",
        soft_wrap=True,
    )
    for label in labels:
        console.print(f"  matteflow retire {label} --reason takedown", highlight=False)
