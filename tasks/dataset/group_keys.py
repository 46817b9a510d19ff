"""Connected components over group keys, each with the split that it must be in, if any."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scipy.cluster.hierarchy import DisjointSet

from tasks.common.schema.layout import Split


class Member(NamedTuple):
    """A source with the keys that tie it to others, and how many kept samples it has."""

    source_id: str
    keys: tuple[str, ...]
    n_samples: int

    @property
    def own(self) -> tuple[str, ...]:
        """The keys that no other source has: the source itself and its bytes."""
        return tuple(key for key in self.keys if key.startswith(("source ", "media ")))


class Components:
    """Connected components over keys; no component is ever in two splits."""

    def __init__(self, splits: Mapping[str, Split]):
        self._keys = DisjointSet()
        # By root. A root that lost a merge is never one again, so its entry may stay.
        self._splits: dict[str, Split] = dict(splits)

    def root(self, key: str) -> str:
        """Return the representative key of a key's component; a new key is a component."""
        self._keys.add(key)
        return str(self._keys[key])

    def split(self, key: str) -> Split | None:
        """Return the split that a key's component must be in, None while it is free."""
        return self._splits.get(self.root(key))

    def splits(self, keys: Iterable[str]) -> set[Split]:
        """Return the splits that the components of these keys must be in."""
        return {split for key in keys if (split := self.split(key)) is not None}

    def join(self, keys: Iterable[str]) -> bool:
        """Make these keys one component, unless they must be in different splits."""
        # Sorted, so that the representative does not depend on the order of a set.
        first, *others = sorted({self.root(key) for key in keys})
        splits = self.splits([first, *others])
        # Checked before any merge: a refused join must leave no trace, since `DisjointSet` cannot
        # undo.
        if len(splits) > 1:
            return False
        for root in others:
            self._keys.merge(first, root)
        if splits:
            self._splits[self.root(first)] = splits.pop()
        return True
