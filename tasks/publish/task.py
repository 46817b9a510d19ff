"""The door to published versions: the tasks of maintenance, and what the command line calls."""

from datetime import datetime, timedelta

from tasks.common.store.address import ATTEMPTS, open_store
from tasks.common.workspace.caching import run_task
from tasks.publish.channels import point_channel, remove_channels
from tasks.publish.diff import KINDS, Diff, diff_versions
from tasks.publish.diff_page import render_diff
from tasks.publish.gc import GRACE, Garbage, collect, describe_garbage
from tasks.publish.pull import Pulled, pull_version
from tasks.publish.records import Commit
from tasks.publish.registry import LATEST, Ledger, select_versions
from tasks.publish.retire import bring_back, retire_version
from tasks.publish.verify import Problem, verify_all, verify_version

__all__ = [
    "GRACE",
    "KINDS",
    "LATEST",
    "Commit",
    "Diff",
    "Garbage",
    "Ledger",
    "Problem",
    "Pulled",
    "bring_back",
    "collect",
    "collect_garbage",
    "describe_garbage",
    "diff_versions",
    "open_ledger",
    "point_channel",
    "pull_version",
    "remove_channels",
    "render_diff",
    "retire_version",
    "select_versions",
    "verify_all",
    "verify_version",
    "verify_versions",
]


def open_ledger(address: str, attempts: int = ATTEMPTS) -> Ledger:
    """Open the versions of the store at an address; `attempts` as in `open_store`.

    Raises:
        InputError: the address is of another kind, or the AWS configuration is not valid.
    """
    return Ledger(open_store(address, attempts=attempts))


@run_task("verify")
def verify_versions(store: str, words: str, deep: bool) -> tuple[list[str], list[Problem]]:
    """Compare versions with what was published; return which were looked at, and what is wrong."""
    return verify_all(open_ledger(store), words, deep=deep)


@run_task("gc")
def collect_garbage(store: str, now: datetime, grace_days: float, delete: bool) -> list[Garbage]:
    """Find what no version needs; with `delete` mark it, or remove what was marked long ago."""
    grace = timedelta(days=grace_days)
    return list(collect(open_ledger(store), now, grace=grace, delete=delete))
