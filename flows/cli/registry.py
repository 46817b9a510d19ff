"""Version registries, and the versions that a command names."""

import re

from flows.cli.console import print_warning
from tasks.common.errors import InputError
from tasks.common.settings import settings
from tasks.common.store.address import ATTEMPTS, open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedowns
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry

# A user waits for the answer, so a store that is down must be reported soon.
_ATTEMPTS = 4


def open_registry(store: str, *, patient: bool = False) -> VersionRegistry:
    """Open the version registry of a store.

    `patient` retries more often: a transfer of thousands of files meets more short failures.

    Raises:
        InputError: the address is of an unknown kind, or the AWS configuration is not valid.
    """
    attempts = ATTEMPTS if patient else _ATTEMPTS
    return VersionRegistry(open_store(store or settings().store, attempts=attempts))


def require_exact(registry: VersionRegistry, version: str) -> Commit:
    """Return the version of a ref that has a number or a channel.

    Raises:
        InputError: the ref is only a subset's name, or there is no such version.
    """
    if "@" not in version:
        raise InputError(f"Name a version, such as {version}@v1; `matteflow versions` lists them.")
    return registry.resolve(version)


def require_usable(registry: VersionRegistry, version: str) -> Commit:
    """Return a version that is not retired.

    Raises:
        InputError: it is retired, or does not exist.
    """
    commit = registry.resolve(version)
    retirement = registry.retirement(commit.name, commit.version)
    if retirement is not None:
        raise InputError(
            f"{commit.label} is retired since {retirement.at:%Y-%m-%d}: "
            f"{retirement.reason.rstrip('.')}. `matteflow retire --undo {commit.label}` restores "
            "it as long as its files exist."
        )
    return commit


def resolve_pair(registry: VersionRegistry, before: str, after: str) -> tuple[Commit, Commit]:
    """Return the two versions to compare: both as named, or the parent of `before` and `before`.

    `after` may omit the subset: @v3 and v3 are versions of the subset of `before`.

    Raises:
        InputError: a version does not exist, or only one is named and it has no parent.
    """
    first = registry.resolve(before)
    if after:
        # `fullmatch`: a subset may be called v2-street.
        is_short = after.startswith("@") or re.fullmatch(r"v\d+", after)
        named = f"{first.name}@{after.removeprefix('@')}" if is_short else after
        return first, registry.resolve(named)
    parent = registry.commit(first.name, first.parent) if first.parent else None
    if parent is None:
        raise InputError(f"{first.label} has no parent; name two versions to compare.")
    return parent, first


def warn_if_taken_down(registry: VersionRegistry, commit: Commit) -> None:
    """Say on the error stream that a version holds samples that were taken down since."""
    takedowns = Takedowns.of(Workspace.of(settings()), registry.store)
    if not takedowns.records:
        return
    taken = takedowns.covered(registry.files(commit) or ())
    if taken:
        print_warning(
            f"{commit.label} holds {len(taken)} samples that were taken down since it was "
            "published. Do not use them: take a later version, and "
            f"`matteflow retire {commit.label} --reason takedown`."
        )
