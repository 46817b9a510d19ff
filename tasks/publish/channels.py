"""Channels: names such as `latest` that stand for a version and may be moved."""

import json
import re
from collections.abc import Callable, Collection

from tasks.common.errors import InputError, WorldError
from tasks.publish.records import Channel, Commit, channels_key
from tasks.publish.registry import LATEST, VersionRegistry
from tasks.publish.verify import verify_version

Channels = dict[str, Channel]
_MAX_RACES = 50
_CHANNEL = re.compile(r"[a-z][a-z0-9-]{0,39}")


def advance_latest(registry: VersionRegistry, name: str, number: int) -> None:
    """Point `latest` at a version, unless a rollback was made since the version exists."""

    def advance(channels: Channels) -> Channels:
        if LATEST in channels and channels[LATEST].newest >= number:
            return channels
        return channels | {LATEST: Channel(version=number, newest=number)}

    _change(registry, name, advance)


def point_channel(
    registry: VersionRegistry, commit: Commit, channel: str = LATEST
) -> Channel | None:
    """Point a channel at a version, older or newer; return what it pointed at.

    Raises:
        InputError: the version is retired or not whole, or the channel's name cannot be.
    """
    if not _CHANNEL.fullmatch(channel) or re.fullmatch(r"v\d+", channel):
        raise InputError(
            f"A channel cannot be called {channel[:60]!r}; expected 1 to 40 of lower-case letters, "
            "digits and dashes that begin with a letter and do not look like a version."
        )
    if registry.retirement(commit.name, commit.version) is not None:
        raise InputError(f"{commit.label} is retired; `matteflow retire --undo` brings it back.")
    problems = list(verify_version(registry, commit))
    if problems:
        raise InputError(
            f"{commit.label} is not whole ({problems[0].sentence}), so nothing should point at it. "
            f"`matteflow verify {commit.label}` lists the problems."
        )
    chosen = Channel(version=commit.version, newest=max(registry.numbers(commit.name)))
    before = _change(registry, commit.name, lambda channels: channels | {channel: chosen})
    if registry.retirement(commit.name, commit.version) is None:
        return before.get(channel)

    # Retired while it was checked. Retiring reads the channels after it put its record, and this
    # reads the record after it moved the channel, so one of the two notices the other.
    def undo(channels: Channels) -> Channels:
        if channels.get(channel) != chosen:
            return channels
        left = {word: value for word, value in channels.items() if word != channel}
        return left | ({channel: before[channel]} if channel in before else {})

    _change(registry, commit.name, undo)
    raise InputError(f"{commit.label} was retired meanwhile; nothing was moved.")


def remove_channels(registry: VersionRegistry, name: str, channels: Collection[str]) -> None:
    """Remove channels of a subset.

    Raises:
        InputError: there is no such channel.
    """

    def remove(known: Channels) -> Channels:
        missing = sorted(set(channels) - known.keys())
        if missing:
            raise InputError(
                f"{name} has no channel {missing[0]!r}. Channels: {', '.join(sorted(known))}."
            )
        return {word: channel for word, channel in known.items() if word not in channels}

    _change(registry, name, remove)


def _change(
    registry: VersionRegistry, name: str, change: Callable[[Channels], Channels]
) -> Channels:
    """Swap a subset's channels for what `change` makes of them; return what they were."""
    for _ in range(_MAX_RACES):
        before, seen = registry.channels(name)
        after = change(before)
        if after == before or registry.store.swap(channels_key(name), seen, _encode(after)):
            return before
    raise WorldError(f"Others keep moving the channels of {name}. Run it again.")


def _encode(channels: Channels) -> bytes:
    values = {word: channel.model_dump() for word, channel in channels.items()}
    return json.dumps(values, indent=1, sort_keys=True).encode()
