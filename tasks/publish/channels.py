"""Channels: names such as `latest` that point to a version and may be moved."""

import json
import re
from collections.abc import Callable, Collection

from tasks.common.errors import InputError, WorldError
from tasks.publish.records import Channel, Commit, channels_key
from tasks.publish.registry import LATEST, VersionRegistry
from tasks.publish.verify import verify_version

Channels = dict[str, Channel]
# Attempts at a compare-and-swap. A failed one means that another process succeeded, so this many in
# a row do not happen by chance; the bound ends the loop on a store whose swaps never succeed.
_MAX_RACES = 50
# Refs are typed by hand, and `NAME@v3` must always be a version: hence short, lower case, and
# (checked below) never a `v` with digits.
_CHANNEL = re.compile(r"[a-z][a-z0-9-]{0,39}")


def advance_latest(registry: VersionRegistry, name: str, number: int) -> None:
    """Point `latest` at a version, unless a rollback was made since the version exists."""

    def advance(channels: Channels) -> Channels:
        # Equal: this version was there when a person chose the present one, so the same content
        # published again must not undo a rollback. Greater: a faster publisher was here already.
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
    # Before the swap, and by the listing alone: to read every byte would take as long as a pull.
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

    # Retired while it was checked. Retiring writes its record and then reads the channels; this
    # function writes the channel and then reads the record. So at least one of two processes that
    # run at once sees the other's write.
    def undo(channels: Channels) -> Channels:
        # A third process has moved the channel since; its choice stands.
        if channels.get(channel) != chosen:
            return channels
        remaining = {key: value for key, value in channels.items() if key != channel}
        return remaining | ({channel: before[channel]} if channel in before else {})

    _change(registry, commit.name, undo)
    raise InputError(f"{commit.label} was retired at the same time; no channel was moved.")


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
        return {key: channel for key, channel in known.items() if key not in channels}

    _change(registry, name, remove)


def _change(
    registry: VersionRegistry, name: str, change: Callable[[Channels], Channels]
) -> Channels:
    """Swap a subset's channels for what `change` makes of them; return what they were."""
    for _ in range(_MAX_RACES):
        before, data = registry.channels(name)
        # `change` runs again after each lost race, on what the winner wrote: it must depend on its
        # argument alone.
        after = change(before)
        if after == before or registry.store.swap(channels_key(name), data, _encode(after)):
            return before
    raise WorldError(f"Other processes keep changing the channels of {name}. Run it again.")


def _encode(channels: Channels) -> bytes:
    values = {name: channel.model_dump() for name, channel in channels.items()}
    return json.dumps(values, indent=1, sort_keys=True).encode()
