"""Tables of versions, problems, differences and garbage on the terminal."""

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from rich.table import Table

from flows.cli.console import console
from tasks.publish.task import KINDS, Diff, Problem, Unreferenced, VersionRegistry

_MAX_LINES = 40


def print_json(value: Any) -> None:
    """Print a value for programs: nothing else, and not wrapped."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def print_subsets(ledger: VersionRegistry) -> None:
    """Print each subset with what its `latest` stands for."""
    table = Table("subset", "versions", "latest", "samples", "published")
    table.columns[0].no_wrap = True
    for name in ledger.names():
        commit = ledger.resolve(name)
        table.add_row(
            name, str(len(ledger.numbers(name))), f"v{commit.version}", str(commit.n_samples),
            f"{commit.committed_at:%Y-%m-%d}",
        )  # fmt: skip
    if table.row_count:
        console.print(table)
    else:
        console.print(
            f"Nothing is published in {ledger.store.url('')} yet.", soft_wrap=True, highlight=False
        )


def print_versions(ledger: VersionRegistry, name: str) -> None:
    """Print the versions of a subset, newest last, with the channels that stand for them."""
    channels, _ = ledger.channels(name)
    retired = set(ledger.retired_numbers(name))
    table = Table("version", "samples", "train", "val", "MB", "published", "recipe", "", title=name)
    for commit in ledger.commits(name):
        marks = [word for word, channel in sorted(channels.items())
                 if channel.version == commit.version]  # fmt: skip
        if commit.version in retired:
            told = ledger.retirement(name, commit.version)
            marks.append(f"retired: {told.reason}" if told else "retired")
        table.add_row(
            f"v{commit.version}", *_counts(commit), f"{commit.committed_at:%Y-%m-%d %H:%M}",
            commit.recipe[:8], ", ".join(marks),
        )  # fmt: skip
    console.print(table)


def _counts(commit: Any) -> tuple[str, str, str, str]:
    return (
        str(commit.n_samples),
        str(commit.n_train),
        str(commit.n_val),
        f"{commit.n_bytes / 1e6:.1f}",
    )


def print_problems(problems: Sequence[Problem]) -> None:
    """Print what is wrong with versions, and how to mend it."""
    for problem in problems[:_MAX_LINES]:
        console.print(
            f"{problem.version}: {problem.sentence}", style="red", highlight=False, soft_wrap=True
        )
    if len(problems) > _MAX_LINES:
        console.print(f"… and {len(problems) - _MAX_LINES} more", highlight=False)
    if problems:
        console.print(
            "To mend the newest version, remove its damaged files from the store and publish the "
            "same content again, which puts back what is missing. For an older one bring them "
            "back from a copy of the store, or retire it."
        )


def print_diff(found: Diff, page: str) -> None:
    """Print how many samples changed how, and the first of them."""
    console.print(
        f"{found.before.label} ({found.before.n_samples} samples) → {found.after.label} "
        f"({found.after.n_samples}): {found.n_same} the same in both",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    for kind in KINDS:
        if found.of(kind):
            console.print(f"{kind}: {len(found.of(kind))}", highlight=False)
    for sample in found.samples[:_MAX_LINES]:
        console.print(f"  {sample.stem}: {sample.says()}", highlight=False, soft_wrap=True)
    if len(found.samples) > _MAX_LINES:
        rest = len(found.samples) - _MAX_LINES
        console.print(f"  … and {rest} more; --json lists all", highlight=False)
    if page:
        console.print(f"Pictures: {page}", soft_wrap=True, highlight=False)
    elif found.samples:
        console.print("--page FILE.html shows them.")


def print_garbage(found: Sequence[Unreferenced], grace: timedelta, *, delete: bool) -> None:
    """Print what no version needs, why, and what comes of it when."""
    for item in found:
        when = item.marked_at + grace if item.marked_at else None
        then = {
            "mark": "marked now" if delete else "to be marked",
            "wait": f"deleted after {when:%Y-%m-%d %H:%M} UTC" if when else "waits",
            "delete": "deleted" if delete else "due to be deleted",
        }[item.step]
        console.print(
            f"{item.what} {item.why}: {item.n_files} files, {item.n_bytes / 1e6:.1f} MB, {then}",
            highlight=False,
            soft_wrap=True,
        )
