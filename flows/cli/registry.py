"""Opening the versions of a store, and finding the version that a command names."""

import re

from tasks.common.errors import InputError
from tasks.common.settings import settings
from tasks.common.store.address import ATTEMPTS, open_store
from tasks.publish.records import Commit
from tasks.publish.registry import Ledger

# A person waits for an answer. Transfers of thousands of files deserve more attempts.
_ATTEMPTS = 4


def open_registry(store: str, *, patient: bool = False) -> Ledger:
    """Open the versions of a store; `patient` for transfers of thousands of files.

    Raises:
        InputError: the address is of an unknown kind, or the AWS configuration is not valid.
    """
    attempts = ATTEMPTS if patient else _ATTEMPTS
    return Ledger(open_store(store or settings().store, attempts=attempts))


def require_exact(registry: Ledger, version: str) -> Commit:
    """Return a version that was named with its number or channel.

    Raises:
        InputError: only a subset was named, or there is no such version.
    """
    if "@" not in version:
        raise InputError(
            f"Say which version, such as {version}@v1; `matteflow versions` lists them."
        )
    return registry.resolve(version)


def require_usable(registry: Ledger, version: str) -> Commit:
    """Return a version that may be used.

    Raises:
        InputError: it is retired; the sentence says why.
    """
    commit = registry.resolve(version)
    retirement = registry.retirement(commit.name, commit.version)
    if retirement is not None:
        raise InputError(
            f"{commit.label} is retired since {retirement.at:%Y-%m-%d}: "
            f"{retirement.reason.rstrip('.')}. `matteflow retire --undo {commit.label}` brings it "
            "back as long as its files exist."
        )
    return commit


def resolve_pair(registry: Ledger, before: str, after: str) -> tuple[Commit, Commit]:
    """Return the two versions to compare: those named, or one with its parent before it.

    `after` may leave the subset out: @v3 and v3 mean a version of the subset of `before`.

    Raises:
        InputError: a version does not exist, or the only one that was named has no parent.
    """
    first = registry.resolve(before)
    if after:
        is_short = after.startswith("@") or re.fullmatch(r"v\d+", after)
        named = f"{first.name}@{after.removeprefix('@')}" if is_short else after
        return first, registry.resolve(named)
    parent = registry.commit(first.name, first.parent) if first.parent else None
    if parent is None:
        raise InputError(f"{first.label} has no parent; name two versions to compare.")
    return parent, first
