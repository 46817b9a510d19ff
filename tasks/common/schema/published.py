"""What a store already holds when a version is made: its base version, and the other subsets."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from tasks.common.digests import content_key
from tasks.common.records import Source
from tasks.common.schema.layout import Split, TreeFile
from tasks.common.schema.sample import Sample, SampleRow


def digest_of_stem(stem: str) -> str:
    """Return what a commit record keeps of a dropped sample: it must not name a person's media."""
    return content_key("dropped", stem)


class BaseVersion(NamedTuple):
    """The version that a new one is built on; its keys and samples stay in their splits."""

    label: str
    number: int | None  # None where there is no base version
    tree: str
    splits: Mapping[str, Split]  # by group key, of every version so far
    samples: Mapping[str, Sample]  # by stem
    files: Mapping[str, str]  # sha256 by name
    changelog: str
    # What a subset that accumulates carries over: rows by stem, the files of the tree by name, and
    # by source what the list said of it.
    rows: Mapping[str, SampleRow] = {}
    table: Mapping[str, TreeFile] = {}
    sources: Mapping[str, Source] = {}
    duplicates: Mapping[str, Sequence[Mapping[str, Any]]] = {}  # `duplicate_sources`, by media
    dropped: frozenset[str] = frozenset()  # digests of stems that somebody named: they stay out
    taken_down: frozenset[str] = frozenset()  # stems that a takedown covers

    def is_dropped(self, stem: str) -> bool:
        """Say whether somebody named this sample with --drop."""
        return digest_of_stem(stem) in self.dropped

    def without_keys(self, keys: Iterable[str]) -> Self:
        """Return the same version without these group keys."""
        gone = set(keys)
        splits = {key: split for key, split in self.splits.items() if key not in gone}
        return self._replace(splits=splits)


NO_BASE = BaseVersion("", None, "", {}, {}, {}, "")


class OtherSubset(NamedTuple):
    """A version of another subset that must share nothing with this one (train/test overlap).

    `prefix` is the folder of its files in the store.
    """

    label: str
    tree: str
    prefix: str
    samples: Sequence[SampleRow]


class Published:
    """What a store already holds: the base version of a new one, and the other subsets.

    A plain class: Prefect searches every element of a tuple, dict or dataclass that a task receives
    for task results, and here that would be every sample of every version.
    """

    def __init__(self, base: BaseVersion = NO_BASE, others: Sequence[OtherSubset] = ()):
        self.base = base
        self.others = tuple(others)
