"""Retire a version, and restore it."""

from datetime import datetime

from tasks.common.errors import InputError
from tasks.publish.channels import remove_channels
from tasks.publish.records import Commit, Retirement, retirement_key
from tasks.publish.registry import LATEST, VersionRegistry
from tasks.publish.tombstones import lease_tree
from tasks.publish.verify import verify_version


def retire_version(
    registry: VersionRegistry, commit: Commit, reason: str, now: datetime
) -> Retirement:
    """Take a version out of use; gc may then remove its files.

    The record of the version stays, and its number is never given again.

    Raises:
        InputError: a channel points to the version while there are others, or no reason is given.
    """
    if not reason.strip():
        raise InputError("A retirement needs a reason; give one with --reason.")
    other_numbers = [n for n in registry.numbers_in_use(commit.name) if n != commit.version]
    # Checked twice. Here, so that the usual mistake leaves no trace; and after the record is put,
    # because a channel may move in between. `point_channel` writes and reads in the opposite order.
    pointing = _pointing(registry, commit)
    if pointing and other_numbers:
        raise InputError(_advice(commit, pointing, other_numbers[-1]))
    retirement = Retirement(at=now.replace(microsecond=0), reason=reason.strip())
    key = retirement_key(commit.name, commit.version)
    is_new = registry.store.put_if_absent(key, retirement.encode())
    if not is_new:
        retirement = registry.retirement(commit.name, commit.version) or retirement
    pointing = _pointing(registry, commit)
    if pointing and other_numbers:  # a channel was moved to this version in between
        # Only the record that this call put: an earlier retirement stays.
        registry.store.delete([key] if is_new else [])
        raise InputError(_advice(commit, pointing, other_numbers[-1]))
    if pointing:  # the last version of its subset: nothing is left to stand for
        remove_channels(registry, commit.name, pointing)
    return retirement


def _pointing(registry: VersionRegistry, commit: Commit) -> list[str]:
    channels, _ = registry.channels(commit.name)
    return sorted(name for name, channel in channels.items() if channel.version == commit.version)


def _advice(commit: Commit, pointing: list[str], other: int) -> str:
    verb = "points" if len(pointing) == 1 else "point"
    option = "" if pointing[0] == LATEST else f" --channel {pointing[0]}"
    return (
        f"{' and '.join(pointing)} of {commit.name} {verb} to v{commit.version}. Point it at "
        f"another version first, such as with `matteflow rollback {commit.name}@v{other}{option}`."
    )


def restore_version(registry: VersionRegistry, commit: Commit, now: datetime) -> None:
    """Undo a retirement, as long as all files are there.

    Raises:
        InputError: the version is not retired, or files of it are gone.
        WorldError: its files are being deleted right now.
    """
    if registry.retirement(commit.name, commit.version) is None:
        raise InputError(f"{commit.label} is not retired.")
    # Before the check: from here on a collection cannot delete what the check has found. The record
    # goes last, so that a version in use is always whole.
    lease_tree(registry.store, commit.tree, now)
    problems = list(verify_version(registry, commit))
    if problems:
        raise InputError(
            f"{commit.label} cannot be restored: {problems[0].sentence}"
            f"{f' and {len(problems) - 1} more' if len(problems) > 1 else ''}. `matteflow "
            "publish --revive` makes a new version of its content."
        )
    registry.store.delete([retirement_key(commit.name, commit.version)])
