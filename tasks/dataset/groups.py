"""Groups that must be in one split, and the samples that are left out so that each is.

A group is a connected component over source, bytes, uploader, session and near-duplicate pictures.
What an earlier version published stays in its split: see docs/decisions/0011.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from tasks.common.errors import InputError
from tasks.common.schema.layout import Split
from tasks.dataset.group_keys import Components, Member
from tasks.dataset.near_pairs import HashedPicture, NearPair, near_within

TIES_BOTH_SPLITS = "ties_both_splits"


class Group(NamedTuple):
    """Sources that belong together, what joins them, and the split that is given, if any."""

    name: str
    members: tuple[Member, ...]
    joined_by: tuple[str, ...]
    split: Split | None

    @property
    def n_samples(self) -> int:
        """How many kept samples its sources have."""
        return sum(member.n_samples for member in self.members)


class LeftOut(NamedTuple):
    """A kept crop that is not published, such as one that ties both splits; reason and why."""

    stem: str
    reason: str
    sentence: str


class Grouping(NamedTuple):
    """All groups, and what is left out, each with a sentence: samples, and unsplit sources."""

    groups: list[Group]
    left_out: list[LeftOut]
    excluded: dict[str, str]


def find_groups(
    members: Sequence[Member],
    pictures: Sequence[HashedPicture],
    near_sources: Iterable[tuple[str, str]],
    *,
    base: Mapping[str, Split],
    published: Set[str],
    pins: Mapping[str, Split],
    near_bits: int,
) -> Grouping:
    """Group sources; a picture's `owner` is its source.

    `base` is the split in which each key was published before, `published` the stems that were.
    `near_sources` are pairs of sources that near-duplicates tie although one of the two pictures is
    not kept.

    Three things join. They come in the order of how much is left out where a join would mix the
    splits: keys (a whole source), near-duplicate pictures (one sample), pairs of sources whose
    better picture displaced the other (nothing). A published sample never moves and is left out
    last.

    Raises:
        InputError: pins contradict each other, or sources of an earlier version turn out to belong
            together although they are in different splits.
    """
    components = Components(splits_by_pins(members, base, pins))
    excluded = _join_sources(members, components, base)
    # An excluded source must tie nothing: it would join groups that it is not part of.
    compared = [picture for picture in pictures if picture.owner not in excluded]
    pairs = near_within(compared, near_bits)
    owners = {picture.stem: picture.owner for picture in compared}
    left_out_of_pairs, joined = _join_pairs(pairs, owners, components, published)
    for a, b in sorted(near_sources):
        # A refused join loses nothing here: one of the two pictures is not kept anyway.
        is_excluded = excluded.keys() & {a, b}
        if not is_excluded and components.join([f"source {a}", f"source {b}"]):
            joined.append((a, f"near-duplicate pictures of {a} and {b}"))
    kept = _without(members, excluded, left_out_of_pairs, owners)
    return Grouping(_groups(kept, components, joined), sorted(left_out_of_pairs), excluded)


def splits_by_pins(
    members: Sequence[Member], base: Mapping[str, Split], pins: Mapping[str, Split]
) -> dict[str, Split]:
    """Return the given split of each key: that of the base version, unless its group is pinned.

    A pin holds for all keys of its group, so that it can move a group that was published before.

    Raises:
        InputError: pins put sources of one group in both splits.
    """
    # Without the splits of the base version: here pins override them, so they must not keep a
    # pinned group from forming.
    unsplit = Components({})
    for member in members:
        unsplit.join(member.keys)
    pinned: dict[str, tuple[str, Split]] = {}
    for member in sorted(members):
        split = pins.get(member.source_id)
        root = unsplit.root(member.keys[0])
        if split is not None and pinned.setdefault(root, (member.source_id, split))[1] != split:
            raise InputError(
                f"publish.pin puts sources of one group in both splits: {pinned[root][0]} and "
                f"{member.source_id} belong together ({_tie(members, unsplit, root)}). Pin them "
                f"all to the same split, or leave {member.source_id} out."
            )
    # All keys of the group, also those of sources without a pin. One key left in the old split
    # would make the group contradict itself.
    own = {key: pinned[root][1] for member in members for key in member.keys
           if (root := unsplit.root(key)) in pinned}  # fmt: skip
    return {**base, **own}


def _tie(members: Sequence[Member], unsplit: Components, root: str) -> str:
    return ", ".join(_joining([m for m in members if unsplit.root(m.keys[0]) == root]))


def _joining(members: Sequence[Member]) -> list[str]:
    """Return the keys that more than one of these sources has."""
    # `set`: a key joins nothing when only one source has it, even if it has it twice.
    counts = Counter(key for member in members for key in set(member.keys))
    return sorted(key for key, n in counts.items() if n > 1)


def _join_sources(
    members: Sequence[Member], components: Components, base: Mapping[str, Split]
) -> dict[str, str]:
    """Join sources by their keys; return those that would tie both splits, each with a sentence.

    Published sources come first, then larger ones: where two sources cannot both stay, the one
    that loses fewer samples is left out.
    """
    excluded: dict[str, str] = {}

    def is_new(member: Member) -> bool:
        return base.keys().isdisjoint(member.own)

    # The order decides which source stays. The choice is greedy: it may leave out more samples than
    # necessary, but a source that is added later cannot displace one that was published before.
    for member in sorted(members, key=lambda m: (is_new(m), -m.n_samples, m.source_id)):
        if components.join(member.keys):
            continue
        splits = ", ".join(
            f"{key} ({split})"
            for key in member.keys
            if (split := components.split(key)) is not None
        )
        if not is_new(member):
            raise InputError(
                f"{member.source_id} was published before and now ties both splits: "
                f"{splits}. Nothing was published. Pin its group to one split with publish.pin, or "
                "correct the source list."
            )
        excluded[member.source_id] = f"{member.source_id} shares keys with both splits: {splits}."
    return excluded


def _join_pairs(
    pairs: Iterable[NearPair],
    owners: Mapping[str, str],
    components: Components,
    published: Set[str],
) -> tuple[list[LeftOut], list[tuple[str, str]]]:
    """Join by near-duplicates, nearest first; leave out a sample that would join the splits."""
    left_out: dict[str, LeftOut] = {}
    joined = []
    for pair in pairs:
        # A sample that is not published ties nothing, so its other pairs must not join groups.
        if left_out.keys() & {pair.stem_a, pair.stem_b}:
            continue
        keys = {stem: f"source {owners[stem]}" for stem in (pair.stem_a, pair.stem_b)}
        if components.join(keys.values()):
            joined.append(
                (owners[pair.stem_a], f"{pair.stem_a} ~ {pair.stem_b} ({pair.bits} bits)")
            )
            continue
        # A new sample is left out before a published one, then the one in train, so that
        # validation scores of two versions stay comparable.
        out, stays = sorted(
            keys, key=lambda stem: (stem in published, components.split(keys[stem]) == "val", stem)
        )
        sentence = (
            f"Its hash differs in only {pair.bits} of 64 bits from that of {stays} (source "
            f"{owners[stays]}), which is in {components.split(keys[stays])}."
        )
        left_out[out] = LeftOut(out, TIES_BOTH_SPLITS, sentence)
    return list(left_out.values()), joined


def _without(
    members: Sequence[Member],
    excluded: Mapping[str, str],
    left_out_of_pairs: Sequence[LeftOut],
    owners: Mapping[str, str],
) -> list[Member]:
    n_left_out = Counter(owners[left.stem] for left in left_out_of_pairs)
    return [
        member._replace(n_samples=member.n_samples - n_left_out[member.source_id])
        for member in members
        if member.source_id not in excluded
    ]


def _groups(
    members: Sequence[Member], components: Components, joined: Iterable[tuple[str, str]]
) -> list[Group]:
    """Gather the components that have samples; each is named by the first of its sources."""
    by_root: dict[str, list[Member]] = {}
    for member in sorted(members):
        by_root.setdefault(components.root(member.keys[0]), []).append(member)
    near: dict[str, list[str]] = {}
    for source_id, reason in joined:
        near.setdefault(components.root(f"source {source_id}"), []).append(reason)
    return [
        Group(
            name=own[0].source_id,
            # Sources without samples have done their work by tying others, and are not listed.
            members=tuple(member for member in own if member.n_samples),
            joined_by=(*_joining(own), *near.get(root, ())),
            split=components.split(root),
        )
        for root, own in by_root.items()
        if any(member.n_samples for member in own)
    ]
