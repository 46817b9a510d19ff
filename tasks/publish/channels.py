"""Channels: names such as `latest` that stand for a version and may be moved."""

import json
import re
from collections.abc import Callable, Collection

from tasks.common.errors import InputError, WorldError
from tasks.publish.records import Channel, Commit, channels_key
from tasks.publish.registry import LATEST, Ledger
from tasks.publish.verify import verify_version

Channels = dict[str, Channel]
_MAX_RACES = 50
_CHANNEL = re.compile(r"[a-z][a-z0-9-]{0,39}")


def advance_latest(ledger: Ledger, name: str, number: int) -> None:
    """Let `latest` stand for a version, unless somebody chose when this one was there already."""

    def advance(channels: Channels) -> Channels:
        if LATEST in channels and channels[LATEST].newest >= number:
            return channels
        return channels | {LATEST: Channel(version=number, newest=number)}

    _change(ledger, name, advance)


def point_channel(ledger: Ledger, commit: Commit, channel: str = LATEST) -> Channel | None:
    """Let a channel stand for a version, back or forth; return what it stood for.

    Raises:
        InputError: the version is retired or not whole, or the channel's name cannot be.
    """
    if not _CHANNEL.fullmatch(channel) or re.fullmatch(r"v\d+", channel):
        raise InputError(
            f"A channel cannot be called {channel[:60]!r}; expected 1 to 40 of lower-case letters, "
            "digits and dashes that begin with a letter and do not look like a version."
        )
    if ledger.retirement(commit.name, commit.version) is not None:
        raise InputError(f"{commit.label} is retired; `matteflow retire --undo` brings it back.")
    problems = list(verify_version(ledger, commit))
    if problems:
        raise InputError(
            f"{commit.label} is not whole ({problems[0].sentence}), so nothing should point at it. "
            f"`matteflow verify {commit.label}` tells all."
        )
    chosen = Channel(version=commit.version, newest=max(ledger.numbers(commit.name)))
    before = _change(ledger, commit.name, lambda channels: channels | {channel: chosen})
    if ledger.retirement(commit.name, commit.version) is None:
        return before.get(channel)

    # Retired while it was checked: who retires looks at the channels last, and we at that.
    def undo(channels: Channels) -> Channels:
        if channels.get(channel) != chosen:
            return channels
        left = {word: value for word, value in channels.items() if word != channel}
        return left | ({channel: before[channel]} if channel in before else {})

    _change(ledger, commit.name, undo)
    raise InputError(f"{commit.label} was retired meanwhile; nothing was moved.")


def remove_channels(ledger: Ledger, name: str, words: Collection[str]) -> None:
    """Let channels of a subset stand for nothing any more.

    Raises:
        InputError: there is no such channel.
    """

    def remove(channels: Channels) -> Channels:
        missing = sorted(set(words) - channels.keys())
        if missing:
            raise InputError(
                f"{name} has no channel {missing[0]!r}. Channels: {', '.join(sorted(channels))}."
            )
        return {word: channel for word, channel in channels.items() if word not in words}

    _change(ledger, name, remove)


def _change(ledger: Ledger, name: str, change: Callable[[Channels], Channels]) -> Channels:
    """Swap a subset's channels for what `change` makes of them; return what they were."""
    for _ in range(_MAX_RACES):
        before, seen = ledger.channels(name)
        after = change(before)
        if after == before or ledger.store.swap(channels_key(name), seen, _encode(after)):
            return before
    raise WorldError(f"Others keep moving the channels of {name}. Run it again.")


def _encode(channels: Channels) -> bytes:
    values = {word: channel.model_dump() for word, channel in channels.items()}
    return json.dumps(values, indent=1, sort_keys=True).encode()
