"""The command line for what is published: look, fetch, check, compare, move, remove."""

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.common.errors import InputError

if TYPE_CHECKING:
    from tasks.publish.task import Commit, VersionRegistry

app = typer.Typer()

_ATTEMPTS = 4  # somebody waits for an answer; where thousands of files come, more are worth it

Store = Annotated[str, typer.Option(help="The store, such as s3://bucket/prefix.")]
Words = Annotated[str, typer.Argument(help="NAME, NAME@v3 or NAME@latest.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def versions(
    name: Annotated[str, typer.Argument(help="A subset; without one, all of them.")] = "",
    as_json: Json = False,
    store: Store = "",
) -> None:
    """List the subsets of a store, or the versions of one."""
    from flows.cli.tables import print_json, print_subsets, print_versions
    from tasks.publish.task import select_versions

    ledger = ledger_of(store)
    if not name and not as_json:
        print_subsets(ledger)
        return
    name = ledger.resolve(name).name if name else ""
    if as_json:
        print_json([commit.model_dump(mode="json") for commit in select_versions(ledger, name)])
    else:
        print_versions(ledger, name)


@app.command()
def url(words: Words, store: Store = "") -> None:
    """Print where a version's files lie, for `aws s3 sync` and the like."""
    ledger = ledger_of(store)
    commit = usable(ledger, words)
    sys.stdout.write(ledger.store.url(commit.prefix) + "\n")


@app.command()
def pull(
    words: Words,
    to: Annotated[Path, typer.Option(help="The folder to put NAME/ into.")] = Path(),
    store: Store = "",
) -> None:
    """Download a version: every byte checked, gone on with where it stopped."""
    from flows.cli.console import console, progress_bars
    from tasks.publish.task import pull_version

    ledger = ledger_of(store, patient=True)
    commit = usable(ledger, words)
    with progress_bars(f"pull {commit.label}"):
        done = pull_version(ledger, commit, to.expanduser())
    console.print(
        f"{commit.label} lies in {done.folder}: {done.n_fetched} files fetched, "
        f"{done.n_present} there already, {done.n_removed} of another version removed.",
        soft_wrap=True,
        highlight=False,
    )


@app.command()
def verify(
    words: Annotated[str, typer.Argument(help="NAME or NAME@v3; without, everything.")] = "",
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte.")] = False,
    store: Store = "",
) -> None:
    """Compare what lies in the store with what was published."""
    from flows.cli.console import console, progress_bars
    from flows.cli.tables import print_problems
    from tasks.publish.task import verify_all

    ledger = ledger_of(store)
    with progress_bars("verify"):
        labels, problems = verify_all(ledger, words, deep=deep)
    if "@" in words and problems:
        usable(ledger, labels[0])  # of a retired version that is no fault
    how = "every byte read" if deep else "by listing; --deep reads every byte"
    print_problems(problems)
    console.print(
        f"{len(labels)} versions checked ({how}): {len(problems)} problems.", highlight=False
    )
    if problems:
        raise typer.Exit(1)


@app.command()
def diff(
    before: Words,
    after: Annotated[str, typer.Argument(help="Another version; @v3 means the same subset.")] = "",
    page: Annotated[str, typer.Option(help="Write the pictures to this HTML file.")] = "",
    as_json: Json = False,
    store: Store = "",
) -> None:
    """Tell which samples differ between two versions; with one, what it changed of its parent."""
    from flows.cli.console import progress_bars
    from flows.cli.tables import print_diff, print_json
    from tasks.common.files import write_file
    from tasks.publish.task import diff_versions, render_diff

    ledger = ledger_of(store)
    old, new = _pair(ledger, before, after)
    found = diff_versions(ledger, old, new)
    if page:
        with progress_bars(f"pictures of {old.label} and {new.label}"):
            html = render_diff(found, ledger.store)
        try:
            write_file(Path(page).expanduser().absolute(), html.encode())
        except OSError as error:
            raise InputError(
                f"{page[:80]} cannot be written: {error.strerror or error}."
            ) from error
    if as_json:
        print_json(found.plain())
    else:
        print_diff(found, page)


@app.command()
def rollback(
    words: Words,
    channel: Annotated[str, typer.Option(help="The channel to move or make.")] = "latest",
    remove: Annotated[bool, typer.Option("--remove", help="Remove NAME's channel.")] = False,
    store: Store = "",
) -> None:
    """Let a channel stand for a version; `latest` then waits for a newer publication."""
    from flows.cli.console import console
    from tasks.publish.task import LATEST, point_channel, remove_channels

    ledger = ledger_of(store)
    if remove:
        name = ledger.resolve(words).name
        if channel == LATEST:
            raise InputError("latest cannot be removed; name another with --channel.")
        remove_channels(ledger, name, [channel])
        console.print(f"{name} has no {channel} any more.")
        return
    commit = _exactly(ledger, words)
    was = point_channel(ledger, commit, channel)
    before = f"v{was.version}" if was else "nothing"
    console.print(f"{channel} of {commit.name}: v{commit.version}, before {before}.")


@app.command()
def retire(
    words: Words,
    reason: Annotated[str, typer.Option(help="Why nobody should use it.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take it back into use.")] = False,
    store: Store = "",
) -> None:
    """Take a version out of use; `gc` then removes its files after a time of grace."""
    from flows.cli.console import console
    from tasks.publish.task import restore_version, retire_version

    ledger = ledger_of(store)
    commit = _exactly(ledger, words)
    now = datetime.now(UTC)
    if undo:
        restore_version(ledger, commit, now)
        console.print(f"{commit.label} is in use again.")
        return
    told = retire_version(ledger, commit, reason, now)
    console.print(f"{commit.label} is retired since {told.at:%Y-%m-%d}: {told.reason}")


@app.command()
def gc(
    delete: Annotated[bool, typer.Option("--delete", help="Do it; else only tell.")] = False,
    grace_days: Annotated[
        float | None, typer.Option(min=0.0, help="Days from mark to deletion, else a week.")
    ] = None,
    store: Store = "",
) -> None:
    """Remove what no version needs: marked first, deleted by a later call."""
    from flows.cli.console import console, progress_bars
    from flows.cli.tables import print_garbage
    from tasks.publish.task import GRACE, collect, describe_unreferenced

    ledger = ledger_of(store)
    if not ledger.store.list_folders("trees/"):
        ledger.require_any()
    grace = GRACE if grace_days is None else timedelta(days=grace_days)
    with progress_bars("gc"):
        found = list(collect(ledger, datetime.now(UTC), grace=grace, delete=delete))
    print_garbage(found, grace, delete=delete)
    console.print(describe_unreferenced(found, delete=delete), highlight=False)
    if found and not delete:
        console.print("Nothing was changed. --delete marks what is new and deletes what is due.")


def ledger_of(store: str, *, patient: bool = False) -> "VersionRegistry":
    """Open the versions of a store; `patient` where thousands of files come."""
    from tasks.common.settings import settings
    from tasks.publish.task import open_registry

    address = store or settings().store
    return open_registry(address) if patient else open_registry(address, _ATTEMPTS)


def _exactly(ledger: "VersionRegistry", words: str) -> "Commit":
    """Return a version that was named with its number or channel.

    Raises:
        InputError: only a subset was named, or there is no such version.
    """
    if "@" not in words:
        raise InputError(f"Say which version, such as {words}@v1; `matteflow versions` lists them.")
    return ledger.resolve(words)


def usable(ledger: "VersionRegistry", words: str) -> "Commit":
    """Return a version that may be used.

    Raises:
        InputError: it is retired; the sentence says why.
    """
    commit = ledger.resolve(words)
    retirement = ledger.retirement(commit.name, commit.version)
    if retirement is not None:
        raise InputError(
            f"{commit.label} is retired since {retirement.at:%Y-%m-%d}: "
            f"{retirement.reason.rstrip('.')}. `matteflow retire --undo {commit.label}` brings it "
            "back while its files are there."
        )
    return commit


def _pair(ledger: "VersionRegistry", before: str, after: str) -> tuple["Commit", "Commit"]:
    one = ledger.resolve(before)
    if after:
        is_short = after.startswith("@") or re.fullmatch(r"v\d+", after)
        return one, ledger.resolve(f"{one.name}@{after.removeprefix('@')}" if is_short else after)
    parent = ledger.commit(one.name, one.parent) if one.parent else None
    if parent is None:
        raise InputError(f"{one.label} has no parent; name two versions to compare.")
    return parent, one
