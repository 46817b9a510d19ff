"""`matteflow takedown` and `matteflow takedowns`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.cli.console import FAILED, console, print_warning, progress_bars
from flows.cli.options import Store
from flows.cli.registry import open_registry
from flows.engine.derived import Derived, find_derived, require_known
from flows.engine.erasure import Erasure
from flows.engine.erasure import erase as erase_everywhere
from flows.takedown import lift, take_down
from tasks.common.errors import InputError
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedown, TakedownKind, Takedowns
from tasks.publish.registry import VersionRegistry

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
    in_advance: Annotated[
        bool, typer.Option("--in-advance", help="Also a name that is not known here.")
    ] = False,
    erase: Annotated[
        bool, typer.Option("--erase", help="Also erase everything that it led to, for good.")
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
    if not in_advance:
        require_known(kind, name, derived, workspace, registry)
    _print_derived(derived)
    if preview:
        console.print("Nothing was recorded.")
        return
    record = take_down(kind, name, reason, derived, workspace, registry, datetime.now(UTC))
    console.print(f"Recorded: {record.sentence()}", highlight=False, soft_wrap=True)
    if erase:
        _erase(record, name, derived, workspace, registry)
        return
    # Searched again: a version may have been committed while the record was written. From here on
    # publications find the record.
    derived = find_derived(kind, name, workspace, registry)
    in_use = [version.label for version in derived.versions if not version.is_retired]
    _print_retirement_steps(in_use)


def _erase(
    record: Takedown,
    name: str,
    derived: Derived,
    workspace: Workspace,
    registry: VersionRegistry,
) -> None:
    """Erase, and print what was searched; end with code 1 if something remains."""
    # Late, since it imports Prefect.
    from flows.engine.prefect_erasure import erase_from_prefect

    # An erased record names nothing, but the person who repeats the erasure does.
    named = record.model_copy(update={"id": name})
    with progress_bars("erase"):
        done = erase_everywhere(
            named, derived, workspace, registry, settings(), datetime.now(UTC), erase_from_prefect
        )
    print_erasure(done)
    if done.remaining:
        raise typer.Exit(FAILED)


def print_erasure(done: Erasure) -> None:
    """Print what was removed, what remains with the commands for it, and what was searched."""
    console.print(
        f"Erased: {done.n_files} files of the workspace and this machine, {done.store.n_trees} "
        f"trees of the store, names in {done.store.n_tables} tables of files.",
        highlight=False,
        soft_wrap=True,
    )
    for sentence in done.remaining:
        print_warning(sentence)
    console.print("Searched and found empty:", highlight=False)
    for place in done.searched:
        if not place.found:
            console.print(f"  {place.place}: {place.n_files}", highlight=False, soft_wrap=True)
    console.print(
        "Not searched: folders of work orders, pulled versions and exports, copies on other "
        "machines, backups, and earlier versions of objects in a bucket that keeps them.",
        highlight=False,
        soft_wrap=True,
    )


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
