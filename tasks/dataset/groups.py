"""Groups that must not be torn apart, and what has to stay out so that none is.

A group is a connected component over source, bytes, uploader, session and near-duplicate pictures.
What an earlier version published stays on its side: see docs/decisions/0011.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from tasks.common.errors import InputError
from tasks.common.recipe.publish import Side
from tasks.dataset.group_keys import Components, Member
from tasks.dataset.near_pairs import NearPair, Pictured, near_within

TIES_BOTH_SIDES = "ties_both_sides"


class Group(NamedTuple):
    """Sources that belong together, what joins them, and the side that is given, if any."""

    name: str
    members: tuple[Member, ...]
    joined_by: tuple[str, ...]
    side: Side | None

    @property
    def n_samples(self) -> int:
        """How many kept samples its sources have."""
        return sum(member.n_samples for member in self.members)


class LeftOut(NamedTuple):
    """A sample that stays out, because it ties what is published for training and validation."""

    stem: str
    reason: str
    sentence: str


class Grouping(NamedTuple):
    """All groups, the samples that had to be left out, and whole sources that had to, with why."""

    groups: list[Group]
    left_out: list[LeftOut]
    aside: dict[str, str]


def find_groups(
    members: Sequence[Member],
    pictures: Sequence[Pictured],
    repeats: Iterable[tuple[str, str]],
    *,
    past: Mapping[str, Side],
    published: Set[str],
    pins: Mapping[str, Side],
    near_bits: int,
) -> Grouping:
    """Group sources; a picture's `owner` is its source.

    `past` says on which side a key was published before, `published` which stems were. `repeats`
    names pairs of sources that near duplicates tie, although one of the pair is not kept.

    Raises:
        InputError: pins contradict each other, or sources of an earlier version turn out to belong
            together although they are on different sides.
    """
    components = Components(sides_by_pins(members, past, pins))
    aside = _join_sources(members, components, past)
    shown = [picture for picture in pictures if picture.owner not in aside]
    pairs = near_within(shown, near_bits)
    torn, joined = _join_pairs(pairs, {p.stem: p.owner for p in shown}, components, published)
    for one, other in sorted(repeats):
        # Where that would tear a group nothing is lost: one of the two pictures is not kept anyway.
        is_out = aside.keys() & {one, other}
        if not is_out and components.join([f"source {one}", f"source {other}"]):
            joined.append((one, f"near-duplicate pictures of {one} and {other}"))
    kept = _without(members, aside, torn, shown)
    return Grouping(_groups(kept, components, joined), sorted(torn), aside)


def sides_by_pins(
    members: Sequence[Member], past: Mapping[str, Side], pins: Mapping[str, Side]
) -> dict[str, Side]:
    """Return the sides that are given: as before, but that a pin speaks for its whole group.

    Raises:
        InputError: pins put sources of one group on both sides.
    """
    whole = Components({})
    for member in members:
        whole.join(member.keys)
    pinned: dict[str, tuple[str, Side]] = {}
    for member in sorted(members):
        side = pins.get(member.source_id)
        root = whole.root(member.keys[0])
        if side is not None and pinned.setdefault(root, (member.source_id, side))[1] != side:
            raise InputError(
                f"publish.pin puts sources of one group on both sides: {pinned[root][0]} and "
                f"{member.source_id} belong together ({_tie(members, whole, root)}). Pin them all "
                f"to the same side, or leave {member.source_id} out."
            )
    own = {key: pinned[root][1] for member in members for key in member.keys
           if (root := whole.root(key)) in pinned}  # fmt: skip
    return {**past, **own}


def _tie(members: Sequence[Member], whole: Components, root: str) -> str:
    return ", ".join(_joining([m for m in members if whole.root(m.keys[0]) == root]))


def _joining(members: Sequence[Member]) -> list[str]:
    """Return the keys that more than one of these sources has."""
    counts = Counter(key for member in members for key in set(member.keys))
    return sorted(key for key, n in counts.items() if n > 1)


def _join_sources(
    members: Sequence[Member], components: Components, past: Mapping[str, Side]
) -> dict[str, str]:
    """Join by keys, those of an earlier version first; return who cannot be joined, and why."""
    aside: dict[str, str] = {}

    def is_new(member: Member) -> bool:
        return past.keys().isdisjoint(member.own)

    for member in sorted(members, key=lambda m: (is_new(m), -m.n_samples, m.source_id)):
        if components.join(member.keys):
            continue
        sides = ", ".join(
            f"{key} ({side})" for key in member.keys if (side := components.side(key)) is not None
        )
        if not is_new(member):
            raise InputError(
                f"{member.source_id} was published before and now ties what lies on both sides: "
                f"{sides}. Nothing was published. Pin its group to one side with publish.pin, or "
                "correct the source list."
            )
        aside[member.source_id] = f"{member.source_id} ties what lies on both sides: {sides}."
    return aside


def _join_pairs(
    pairs: Iterable[NearPair],
    owners: Mapping[str, str],
    components: Components,
    published: Set[str],
) -> tuple[list[LeftOut], list[tuple[str, str]]]:
    """Join by near duplicates, nearest first; where that would tear a group, leave one out."""
    left_out: dict[str, LeftOut] = {}
    joined = []
    for pair in pairs:
        if left_out.keys() & {pair.one, pair.other}:
            continue
        keys = {stem: f"source {owners[stem]}" for stem in (pair.one, pair.other)}
        if components.join(keys.values()):
            joined.append((owners[pair.one], f"{pair.one} ~ {pair.other} ({pair.bits} bits)"))
            continue
        # A new one goes before a published one, then the one in train: validation stays the same.
        out, stays = sorted(
            keys, key=lambda stem: (stem in published, components.side(keys[stem]) == "val", stem)
        )
        said = (
            f"It differs in {pair.bits} of 64 bits only from {stays} of {owners[stays]}, "
            f"which is in {components.side(keys[stays])}."
        )
        left_out[out] = LeftOut(out, TIES_BOTH_SIDES, said)
    return list(left_out.values()), joined


def _without(
    members: Sequence[Member],
    aside: Mapping[str, str],
    torn: Sequence[LeftOut],
    shown: Sequence[Pictured],
) -> list[Member]:
    owners = {picture.stem: picture.owner for picture in shown}
    n_torn = Counter(owners[left.stem] for left in torn)
    return [
        member._replace(n_samples=member.n_samples - n_torn[member.source_id])
        for member in members
        if member.source_id not in aside
    ]


def _groups(
    members: Sequence[Member], components: Components, joined: Iterable[tuple[str, str]]
) -> list[Group]:
    """Gather the components that have samples; each is named by the first of its sources."""
    by_root: dict[str, list[Member]] = {}
    for member in sorted(members):
        by_root.setdefault(components.root(member.keys[0]), []).append(member)
    near: dict[str, list[str]] = {}
    for source_id, said in joined:
        near.setdefault(components.root(f"source {source_id}"), []).append(said)
    return [
        Group(
            name=own[0].source_id,
            members=tuple(member for member in own if member.n_samples),
            joined_by=(*_joining(own), *near.get(root, ())),
            side=components.side(root),
        )
        for root, own in by_root.items()
        if any(member.n_samples for member in own)
    ]
