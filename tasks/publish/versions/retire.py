"""Taking a version out of use, and back."""

from datetime import datetime

from tasks.common.errors import InputError
from tasks.publish.versions.garbage import claim_tree
from tasks.publish.versions.ledger import LATEST, Ledger
from tasks.publish.versions.records import Commit, Retirement, retirement_key
from tasks.publish.versions.verify import verify_version


def retire_version(ledger: Ledger, commit: Commit, reason: str, now: datetime) -> Retirement:
    """Say that a version is not to be used any more; gc may then remove its files.

    The record of the version stays, and its number is never given again.

    Raises:
        InputError: a channel stands for the version, or no reason is given.
    """
    if not reason.strip():
        raise InputError("Say why with --reason; who meets the version next year will ask.")
    channels, _ = ledger.channels(commit.name)
    pointing = sorted(
        word for word, channel in channels.items() if channel.version == commit.version
    )
    if pointing:
        raise InputError(
            f"{' and '.join(pointing)} of {commit.name} stands for v{commit.version}. "
            f"{_advice(ledger, commit, pointing[0])}"
        )
    told = Retirement(at=now.replace(microsecond=0), reason=reason.strip())
    if ledger.store.put_if_absent(retirement_key(commit.name, commit.version), told.encode()):
        return told
    return ledger.retirement(commit.name, commit.version) or told


def _advice(ledger: Ledger, commit: Commit, channel: str) -> str:
    gone = {commit.version, *ledger.retired_numbers(commit.name)}
    others = [number for number in ledger.numbers(commit.name) if number not in gone]
    if not others:
        return "Publish a better one first; there is no other version in use."
    option = "" if channel == LATEST else f" --channel {channel}"
    return (
        "Point it at another version first, such as with "
        f"`matteflow rollback {commit.name}@v{others[-1]}{option}`."
    )


def bring_back(ledger: Ledger, commit: Commit, now: datetime) -> None:
    """Undo a retirement, as long as all files are there.

    Raises:
        InputError: the version is not retired, or files of it are gone.
        WorldError: its files are being deleted right now.
    """
    if ledger.retirement(commit.name, commit.version) is None:
        raise InputError(f"{commit.label} is not retired.")
    claim_tree(ledger.store, commit.tree, now)
    problems = list(verify_version(ledger, commit))
    if problems:
        raise InputError(
            f"{commit.label} cannot come back: {problems[0].sentence}"
            f"{f' and {len(problems) - 1} more' if len(problems) > 1 else ''}. Its content can be "
            "published again as a new version."
        )
    ledger.store.delete([retirement_key(commit.name, commit.version)])
