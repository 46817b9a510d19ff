"""Commands on published versions: list, download, verify, compare, move channels, remove."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import FAILED, console, progress_bars
from flows.cli.options import Json, Store, VersionRef
from flows.cli.registry import (
    open_registry,
    require_exact,
    require_usable,
    resolve_pair,
    warn_if_taken_down,
)
from flows.cli.version_tables import (
    print_diff,
    print_garbage,
    print_json,
    print_problems,
    print_subsets,
    print_versions,
)
from tasks.common.errors import InputError
from tasks.common.files import write_file
from tasks.publish.channels import point_channel, remove_channels
from tasks.publish.diff import diff_versions
from tasks.publish.diff_page import render_diff
from tasks.publish.gc import GRACE, collect, describe_unreferenced
from tasks.publish.pull import pull_version
from tasks.publish.registry import LATEST, select_versions
from tasks.publish.retire import restore_version, retire_version
from tasks.publish.verify import verify_all


def versions(
    name: Annotated[str, typer.Argument(help="A subset; empty lists all subsets.")] = "",
    as_json: Json = False,
    store: Store = "",
) -> None:
    """List the subsets of a store, or the versions of one."""
    registry = open_registry(store)
    if not name and not as_json:
        print_subsets(registry)
        return
    name = registry.resolve(name).name if name else ""
    if as_json:
        print_json([commit.model_dump(mode="json") for commit in select_versions(registry, name)])
    else:
        print_versions(registry, name)


def url(version: VersionRef, store: Store = "") -> None:
    """Print the URL of a version's files, for `aws s3 sync` and the like."""
    registry = open_registry(store)
    commit = require_usable(registry, version)
    # Not the console, which wraps lines: scripts read this one.
    sys.stdout.write(registry.store.url(commit.prefix) + "\n")


def pull(
    version: VersionRef,
    to: Annotated[Path, typer.Option(help="The folder in which NAME/ is created.")] = Path(),
    store: Store = "",
) -> None:
    """Download a version; every byte is checked, and an interrupted pull resumes."""
    # A pull meets more short failures than a look-up, and can resume.
    registry = open_registry(store, patient=True)
    commit = require_usable(registry, version)
    warn_if_taken_down(registry, commit)
    with progress_bars(f"pull {commit.label}"):
        pulled = pull_version(registry, commit, to.expanduser())
    console.print(
        f"{commit.label} is in {pulled.folder}: {pulled.n_fetched} files fetched, "
        f"{pulled.n_present} there already, {pulled.n_removed} of another version removed.",
        soft_wrap=True,
        highlight=False,
    )


def verify(
    version: Annotated[str, typer.Argument(help="NAME or NAME@v3; empty checks all.")] = "",
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte.")] = False,
    store: Store = "",
) -> None:
    """Compare the files in the store with what was published."""
    registry = open_registry(store)
    with progress_bars("verify"):
        labels, problems = verify_all(registry, version, deep=deep)
    if "@" in version and problems:
        require_usable(registry, labels[0])  # the files of a retired version may be deleted
    # Said each time: a check by listing must not be taken for one of every byte.
    how = "every byte read" if deep else "by listing; --deep reads every byte"
    print_problems(problems)
    console.print(
        f"{len(labels)} versions checked ({how}): {len(problems)} problems.", highlight=False
    )
    if problems:
        raise typer.Exit(FAILED)


def diff(
    before: VersionRef,
    after: Annotated[
        str, typer.Argument(help="Another version; @v3 is one of the same subset.")
    ] = "",
    page: Annotated[str, typer.Option(help="Write the pictures to this HTML file.")] = "",
    as_json: Json = False,
    store: Store = "",
) -> None:
    """List the samples that differ between two versions, or between one and its parent."""
    registry = open_registry(store)
    old, new = resolve_pair(registry, before, after)
    changes = diff_versions(registry, old, new)
    if page:
        with progress_bars(f"pictures of {old.label} and {new.label}"):
            # Only now: comparing needs two tables, pictures need every file of the samples.
            html = render_diff(changes, registry.store)
        _write_page(page, html)
    if as_json:
        print_json(changes.plain())
    else:
        print_diff(changes, page)


def _write_page(page: str, html: str) -> None:
    try:
        write_file(Path(page).expanduser().absolute(), html.encode())
    except OSError as error:
        raise InputError(f"{page[:80]} cannot be written: {error.strerror or error}.") from error


def rollback(
    version: VersionRef,
    channel: Annotated[str, typer.Option(help="The channel to move or create.")] = "latest",
    remove: Annotated[bool, typer.Option("--remove", help="Remove NAME's channel.")] = False,
    store: Store = "",
) -> None:
    """Point a channel at a version; `latest` stays there until new content is published."""
    registry = open_registry(store)
    if remove:
        name = registry.resolve(version).name
        # Without it a subset's name would mean its newest version, also after a rollback.
        if channel == LATEST:
            raise InputError("latest cannot be removed; name another channel with --channel.")
        remove_channels(registry, name, [channel])
        console.print(f"{name} no longer has a channel {channel}.")
        return
    commit = require_exact(registry, version)
    previous = point_channel(registry, commit, channel)
    before = f"v{previous.version}" if previous else "nothing"
    console.print(f"{channel} of {commit.name}: v{commit.version}, before {before}.")


def retire(
    version: VersionRef,
    reason: Annotated[str, typer.Option(help="Why the version must not be used.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Restore a retired version.")] = False,
    store: Store = "",
) -> None:
    """Take a version out of use; `gc` removes its files after a grace period."""
    registry = open_registry(store)
    commit = require_exact(registry, version)
    now = datetime.now(UTC)
    if undo:
        restore_version(registry, commit, now)
        console.print(f"{commit.label} is in use again.")
        return
    retirement = retire_version(registry, commit, reason, now)
    console.print(f"{commit.label} is retired since {retirement.at:%Y-%m-%d}: {retirement.reason}")


def gc(
    delete: Annotated[
        bool,
        typer.Option(
            "--delete", help="Mark new garbage and delete what is due; without it, only list."
        ),
    ] = False,
    grace_days: Annotated[
        float | None,
        typer.Option(min=0.0, help="Days between marking and deletion; empty takes 7."),
    ] = None,
    store: Store = "",
) -> None:
    """Remove files that no version needs: marked first, deleted by a later call."""
    registry = open_registry(store)
    # Neither trees nor versions: most likely the wrong address, which must not look tidy.
    if not registry.store.list_folders("trees/"):
        registry.require_any()
    grace = GRACE if grace_days is None else timedelta(days=grace_days)
    with progress_bars("gc"):
        garbage = list(collect(registry, datetime.now(UTC), grace=grace, delete=delete))
    print_garbage(garbage, grace, delete=delete)
    console.print(describe_unreferenced(garbage, delete=delete), highlight=False)
    if garbage and not delete:
        console.print("Nothing was changed. --delete marks new garbage and deletes what is due.")
