"""Published versions of a subset."""

from typing import NamedTuple

from tasks.publish.task import KINDS, Diff, diff_versions, open_registry, read_samples

__all__ = ["KINDS", "VersionLine", "compare_versions", "last_samples", "list_versions"]


class VersionLine(NamedTuple):
    """A published version in one line."""

    label: str
    version: int
    parent: int | None
    n_samples: int
    n_train: int
    n_val: int
    published: str
    channels: str
    is_retired: bool


def list_versions(name: str, store: str) -> list[VersionLine]:
    """Return the versions of a subset, newest first; none if nothing was published.

    Raises:
        WorldError: the store does not answer.
    """
    registry = open_registry(store)
    if name not in registry.names():
        return []
    channels, _ = registry.channels(name)
    retired = set(registry.retired_numbers(name))
    lines = [
        VersionLine(
            commit.label,
            commit.version,
            commit.parent,
            commit.n_samples,
            commit.n_train,
            commit.n_val,
            f"{commit.committed_at:%Y-%m-%d %H:%M}",
            ", ".join(
                word
                for word, channel in sorted(channels.items())
                if channel.version == commit.version
            ),
            commit.version in retired,
        )
        for commit in registry.commits(name)
    ]
    return sorted(lines, key=lambda line: -line.version)


def last_samples(name: str, store: str) -> tuple[str, set[str]]:
    """Return the newest version in use of a subset and its samples; empty if there is none."""
    registry = open_registry(store)
    numbers = registry.numbers_in_use(name) if name in registry.names() else []
    commit = registry.commit(name, numbers[-1]) if numbers else None
    if commit is None:
        return "", set()
    return commit.label, {sample.stem for sample in read_samples(registry, commit)}


def compare_versions(before: str, after: str, store: str) -> Diff:
    """Return what differs between two versions.

    Raises:
        InputError: one of them does not exist.
    """
    registry = open_registry(store)
    return diff_versions(registry, registry.resolve(before), registry.resolve(after))
