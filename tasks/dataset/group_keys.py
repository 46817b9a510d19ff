"""What ties sources together, so that no two of a group end on different sides of the split."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tasks.common.recipe.publish import Side
from tasks.common.records import Source


class Member(NamedTuple):
    """A source with the keys that tie it to others, and how many kept samples it has."""

    source_id: str
    keys: tuple[str, ...]
    n_samples: int

    @property
    def own(self) -> tuple[str, ...]:
        """The keys that are nobody else's: the source itself and its bytes."""
        return tuple(key for key in self.keys if key.startswith(("source ", "media ")))


def keys_of(source: Source, media_ids: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what ties a source to others: itself, its bytes, who shared it, what it was shot in.

    A session is one whoever uploads it: two people at one wedding film the same guests.
    """
    keys = [f"source {source.source_id}", *(f"media {media}" for media in sorted(set(media_ids)))]
    if source.uploader:
        keys.append(f"uploader {source.uploader}")
    if source.session:
        keys.append(f"session {source.session}")
    return tuple(keys)


class Components:
    """Connected components over keys, each with the side that something in it must be on."""

    def __init__(self, sides: Mapping[str, Side]):
        self._parent: dict[str, str] = {}
        self._side: dict[str, Side] = dict(sides)

    def root(self, key: str) -> str:
        """Return the key that stands for a key's component."""
        self._parent.setdefault(key, key)
        top = key
        while self._parent[top] != top:
            top = self._parent[top]
        while self._parent[key] != top:
            self._parent[key], key = top, self._parent[key]
        return top

    def side(self, key: str) -> Side | None:
        """Return the side that a key's component must be on, None while it is free."""
        return self._side.get(self.root(key))

    def sides(self, keys: Iterable[str]) -> set[Side]:
        """Return the sides that the components of these keys must be on."""
        return {side for key in keys if (side := self.side(key)) is not None}

    def join(self, keys: Iterable[str]) -> bool:
        """Make these keys one component, unless that would tear it between two sides."""
        roots = sorted({self.root(key) for key in keys})
        sides = self.sides(roots)
        if len(sides) > 1:
            return False
        for other in roots[1:]:
            self._parent[other] = roots[0]
        if sides:
            self._side[roots[0]] = sides.pop()
        return True

    def settle(self, key: str, side: Side) -> None:
        """Put a component on a side."""
        self._side[self.root(key)] = side
