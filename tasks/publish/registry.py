"""The versions that a store holds, and the version that a ref means."""

import json
import re
from difflib import get_close_matches
from io import BytesIO
from typing import TypeVar

import pyarrow as pa
from pyarrow import ArrowException
from pydantic import ValidationError

from tasks.common.errors import ArtifactError, InputError
from tasks.common.schema.columns import columns_of, decode_row
from tasks.common.schema.layout import TreeFile
from tasks.common.schema.tables import read_table
from tasks.common.store.objects import ObjectStore, in_parallel
from tasks.publish.records import (
    Channel,
    Commit,
    Retirement,
    StoreRecord,
    channels_key,
    commit_key,
    manifest_key,
    retirement_key,
)

LATEST = "latest"
# The columns that every program so far wrote into the table of files. Those that came later are
# missing in old tables; those of programs to come are not read.
_REQUIRED = {
    "name": pa.large_string(),
    "digest": pa.large_string(),
    "size_bytes": pa.int64(),
    "split": pa.large_string(),
    "scenes": pa.large_string(),
}
# Each was met in tables with flipped bits.
_NO_TABLE = (ArrowException, OSError, ValueError, KeyError, TypeError, NotImplementedError)
_NUMBERED = re.compile(r".*/v(\d+)\.json")
_NUMBER = re.compile(r"v?0*([1-9]\d*)")
_R = TypeVar("_R", bound=StoreRecord)


class VersionRegistry:
    """The versions, channels and retirements of a store; each call reads them again."""

    def __init__(self, store: ObjectStore):
        self.store = store

    def names(self) -> list[str]:
        """Return the subsets that have a version."""
        keys = [key for key in self.store.list_objects("versions/") if _NUMBERED.fullmatch(key)]
        return sorted({key.split("/")[1] for key in keys})

    def numbers(self, name: str) -> list[int]:
        """Return the numbers of all versions, ascending; retired ones are versions too."""
        return self._numbered(f"versions/{name}/")

    def retired_numbers(self, name: str) -> list[int]:
        """Return the numbers of the retired versions, ascending."""
        return self._numbered(f"retired/{name}/")

    def numbers_in_use(self, name: str) -> list[int]:
        """Return the numbers of the versions that are not retired, ascending."""
        # Retirements first: a version that is retired between the two listings still counts as in
        # use, the safe side for `gc`.
        retired = set(self.retired_numbers(name))
        return [number for number in self.numbers(name) if number not in retired]

    def _numbered(self, prefix: str) -> list[int]:
        matches = map(_NUMBERED.fullmatch, self.store.list_objects(prefix))
        return sorted(int(match[1]) for match in matches if match)

    def commit(self, name: str, number: int) -> Commit | None:
        """Return a version's record, or None when there is none."""
        key = commit_key(name, number)
        commit = self._record(key, Commit)
        # A record copied to another key by hand would make files of one subset a version of
        # another.
        if commit is not None and (commit.name, commit.version) != (name, number):
            raise damaged(self.store, key)
        return commit

    def newest(self, name: str) -> Commit | None:
        """Return the record with the highest number, or None before the first."""
        numbers = self.numbers(name)
        return self.commit(name, numbers[-1]) if numbers else None

    def commits(self, name: str) -> list[Commit]:
        """Return the records of all versions, oldest first."""
        records = in_parallel(
            lambda number: self.commit(name, number), self.numbers(name), self.store
        )
        return [commit for commit in records if commit is not None]

    def retirement(self, name: str, number: int) -> Retirement | None:
        """Return why a version was retired, or None when it was not."""
        return self._record(retirement_key(name, number), Retirement)

    def channels(self, name: str) -> tuple[dict[str, Channel], bytes | None]:
        """Return a subset's channels by name, and the bytes that a swap must find."""
        key = channels_key(name)
        data = self.store.get(key)
        try:
            values = json.loads(data) if data is not None else {}
            return {key: Channel.model_validate(value) for key, value in values.items()}, data
        # AttributeError: valid JSON that is no object has no `items`.
        except (ValueError, AttributeError) as error:
            raise damaged(self.store, key) from error

    def files(self, commit: Commit) -> list[TreeFile] | None:
        """Return the files of a version; None when the table of its files is gone."""
        return self.files_of_tree(commit.tree)

    def files_of_tree(self, tree_id: str) -> list[TreeFile] | None:
        """Return the files of a tree; None where the store has no table of them.

        Raises:
            ArtifactError: the table is damaged.
        """
        key = manifest_key(tree_id)
        data = self.store.get(key)
        if data is None:
            return None
        try:
            return _decode_files(read_table(BytesIO(data)))
        except _NO_TABLE as error:
            raise damaged(self.store, key) from error

    def resolve(self, ref: str) -> Commit:
        """Return the version of a ref: NAME, NAME@v3 or NAME@channel; NAME means NAME@latest.

        Raises:
            InputError: there is no such subset, version or channel; the sentence names those known.
        """
        name, _, selector = ref.partition("@")
        # A name goes into a key, so `../x` or an empty one must not reach the store.
        numbers = self.numbers(name) if _is_name(name) else []
        if not numbers:
            raise InputError(self._unknown_subset(name))
        match = _NUMBER.fullmatch(selector)
        channels, _ = self.channels(name)
        channel = selector or LATEST
        # A number may be retired: who names it exactly gets it, as long as its files exist.
        if match:
            number = int(match[1])
        elif channel in channels:
            number = channels[channel].version
        elif channel == LATEST:  # a publisher was killed between commit record and channel
            number = numbers[-1]
        else:
            raise InputError(
                f"{name} has no channel {selector!r}. Channels: {', '.join(sorted(channels))}; "
                f"versions: {_spans(numbers)}."
            )
        commit = self.commit(name, number) if number in numbers else None
        if commit is None:
            raise InputError(f"{name} has no version {number}. Versions: {_spans(numbers)}.")
        return commit

    def require_any(self, name: str = "") -> None:
        """Refuse an empty registry, since a check of no version would pass.

        Raises:
            InputError: there is no version of `name`, or of anything.
        """
        if name not in self.names() if name else not self.names():
            raise InputError(self._unknown_subset(name))

    def _unknown_subset(self, name: str) -> str:
        known = self.names()
        if not known:
            location = self.store.url("")
            return (
                f"There is no version of anything in {location} yet. Publish with "
                "`matteflow ingest`, or name another store with --store or MATTEFLOW_STORE."
            )
        # Without a similar name the last five: names hold a date, so these are the newest.
        near = get_close_matches(name, known, n=3, cutoff=0.5) or known[-5:]
        return (
            f"There is no subset {name!r} here. Known are {len(known)}, such as {', '.join(near)}; "
            "`matteflow versions` lists all. Expected NAME, NAME@v3 or NAME@latest."
        )

    def _record(self, key: str, kind: type[_R]) -> _R | None:
        data = self.store.get(key)
        try:
            return kind.model_validate_json(data) if data is not None else None
        except ValidationError as error:
            raise damaged(self.store, key) from error


def select_versions(registry: VersionRegistry, ref: str) -> list[Commit]:
    """Return one version (NAME@…), those of a subset (NAME), or those of the store (empty).

    Retired versions are left out unless one is named, since their files may be gone.

    Raises:
        InputError: there is no such subset or version.
    """
    if "@" in ref:
        return [registry.resolve(ref)]
    names = [registry.resolve(ref).name] if ref else registry.names()
    chosen = []
    for name in names:
        in_use = set(registry.numbers_in_use(name))
        chosen += [commit for commit in registry.commits(name) if commit.version in in_use]
    return chosen


def _decode_files(table: pa.Table) -> list[TreeFile]:
    # First the columns that must exist, whose absence means damage; then those of later programs,
    # which are None in old tables.
    table.select(list(_REQUIRED)).cast(pa.schema(_REQUIRED))
    absent = dict.fromkeys(columns_of(TreeFile))
    return [decode_row(TreeFile, absent | row) for row in table.to_pylist()]


def _is_name(name: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name))


def _spans(numbers: list[int]) -> str:
    """Write ascending numbers as people do: v1, v3 to v7."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    return ", ".join(" to ".join(f"v{number}" for number in span) for span in spans)


def damaged(store: ObjectStore, key: str) -> ArtifactError:
    """Return the error for an object that cannot be what was written under its key."""
    return ArtifactError(
        f"{store.url(key)} is damaged. Restore it from a backup of the store; "
        "until then this version cannot be read."
    )
