"""Tables of versions, problems, differences and garbage on the terminal."""

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from rich.table import Table

from flows.cli.console import console
from tasks.common.schema.sample import KINDS
from tasks.publish.diff import Diff, spell_change
from tasks.publish.gc import Unreferenced
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry
from tasks.publish.verify import Problem

# About what a terminal shows; JSON and pages have all.
_MAX_LINES = 40


def print_json(value: Any) -> None:
    """Print a value as JSON; rich is not used, since it wraps lines at the terminal's width."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def print_subsets(registry: VersionRegistry) -> None:
    """Print each subset with the version that its `latest` points to."""
    table = Table("subset", "versions", "latest", "samples", "published")
    # A name is copied into the next command, so it stays on one line.
    table.columns[0].no_wrap = True
    for name in registry.names():
        commit = registry.resolve(name)
        table.add_row(
            name, str(len(registry.numbers(name))), f"v{commit.version}", str(commit.n_samples),
            f"{commit.committed_at:%Y-%m-%d}",
        )  # fmt: skip
    if table.row_count:
        console.print(table)
    else:
        console.print(
            f"Nothing is published in {registry.store.url('')} yet.",
            soft_wrap=True,
            highlight=False,
        )


def print_versions(registry: VersionRegistry, name: str) -> None:
    """Print the versions of a subset, newest last, with the channels that point to them."""
    channels, _ = registry.channels(name)
    retired = set(registry.retired_numbers(name))
    table = Table("version", "samples", "train", "val", "MB", "published", "recipe", "", title=name)
    for commit in registry.commits(name):
        labels = [label for label, channel in sorted(channels.items())
                 if channel.version == commit.version]  # fmt: skip
        if commit.version in retired:
            # One read per retired version, of which there are few.
            retirement = registry.retirement(name, commit.version)
            labels.append(f"retired: {retirement.reason}" if retirement else "retired")
        table.add_row(
            f"v{commit.version}", *_counts(commit), f"{commit.committed_at:%Y-%m-%d %H:%M}",
            commit.recipe[:8], ", ".join(labels),
        )  # fmt: skip
    console.print(table)


def _counts(commit: Commit) -> tuple[str, str, str, str]:
    return (
        str(commit.n_samples),
        str(commit.n_train),
        str(commit.n_val),
        f"{commit.n_bytes / 1e6:.1f}",
    )


def print_problems(problems: Sequence[Problem]) -> None:
    """Print the problems of versions, and how to repair them."""
    for problem in problems[:_MAX_LINES]:
        console.print(
            f"{problem.version}: {problem.sentence}", style="red", highlight=False, soft_wrap=True
        )
    if len(problems) > _MAX_LINES:
        console.print(f"… and {len(problems) - _MAX_LINES} more", highlight=False)
    if problems:
        console.print(
            "To repair the newest version, remove its damaged files from the store and publish "
            "the same content again: that uploads what is missing. Restore the files of an older "
            "version from a backup of the store, or retire that version."
        )


def print_diff(diff: Diff, page: str) -> None:
    """Print the number of samples by kind of change, and the first of them."""
    console.print(
        f"{diff.before.label} ({diff.before.n_samples} samples) → {diff.after.label} "
        f"({diff.after.n_samples}): {diff.n_same} the same in both",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    for kind in KINDS:
        if diff.of(kind):
            console.print(f"{spell_change(kind)}: {len(diff.of(kind))}", highlight=False)
    for sample in diff.samples[:_MAX_LINES]:
        console.print(f"  {sample.stem}: {sample.describe()}", highlight=False, soft_wrap=True)
    if len(diff.samples) > _MAX_LINES:
        rest = len(diff.samples) - _MAX_LINES
        console.print(f"  … and {rest} more; --json lists all", highlight=False)
    if page:
        console.print(f"Pictures: {page}", soft_wrap=True, highlight=False)
    elif diff.samples:
        console.print("--page FILE.html shows them.")


def print_garbage(garbage: Sequence[Unreferenced], grace: timedelta, *, delete: bool) -> None:
    """Print the files that no version needs, the reason, and when they are deleted."""
    for item in garbage:
        # A tombstone has its own date, so the grace of this call decides.
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
