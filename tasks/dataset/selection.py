"""Which crops are published, under which stem, on which side of the split, in which scenes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tasks.common.recipe.publish import PublishRecipe, Side
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.records import Source
from tasks.dataset.base_version import NO_PAST, Past
from tasks.dataset.group_keys import Member, keys_of
from tasks.dataset.groups import (
    TIES_BOTH_SIDES,
    Group,
    Grouping,
    LeftOut,
    find_groups,
    sides_by_pins,
)
from tasks.dataset.near_pairs import Pictured
from tasks.dataset.split import choose_sides
from tasks.deduplicate.run_crops import Judged, Subset


class Sample(NamedTuple):
    """A crop that is published: its side of the split, its scenes, the group that it belongs to."""

    judged: Judged
    split: Side
    scenes: tuple[str, ...]
    group: str

    @property
    def stem(self) -> str:
        """The name of image and mask without suffix."""
        return self.judged.stem

    @property
    def keys(self) -> tuple[str, ...]:
        """What ties it to samples of other sources."""
        return keys_of(self.judged.source, [self.judged.crop["media_id"]])

    @property
    def files(self) -> tuple[str, str]:
        """Where its image and its annotation lie in the tree."""
        place = f"{self.split}/{self.stem}"
        return f"img_dir/{place}.jpg", f"ann_dir/{place}.png"

    @property
    def channel(self) -> str:
        """Who annotated it: the machine and its model, or people by way of a data set."""
        matte = self.judged.matte
        return str(matte["channel"] or f"rembg {matte['model']}") if matte else "none"


class Selection(NamedTuple):
    """The samples in order of their stems, the groups that have some, and what was left out."""

    samples: list[Sample]
    groups: list[Group]
    left_out: list[LeftOut]


def choose_samples(subset: Subset, recipe: PublishRecipe, past: Past = NO_PAST) -> Selection:
    """Return the kept crops, each on its side of the split.

    Raises:
        InputError: pins, or new facts about published sources, tear a group apart.
    """
    kept = sorted(subset.crops("keep"), key=lambda judged: judged.stem)
    found = _grouping(subset, kept, recipe, past)
    share = 1.0 if recipe.role == "test" else recipe.val_share
    sides = choose_sides(found.groups, share)
    group_of = {member.source_id: group.name for group in found.groups for member in group.members}
    left_out = [*found.left_out, *_of_aside(kept, found)]
    out = {left.stem for left in left_out}
    scenes = SceneFinder(recipe)
    samples = []
    for judged in kept:
        if judged.stem not in out:
            group = group_of[judged.source.source_id]
            found_scenes = scenes.of(judged.source, judged.stem)
            samples.append(Sample(judged, sides[group], found_scenes, group))
    groups = [group._replace(side=sides[group.name]) for group in found.groups]
    return Selection(samples, groups, sorted(left_out))


def _of_aside(kept: Iterable[Judged], found: Grouping) -> list[LeftOut]:
    aside = ((judged.stem, found.aside.get(judged.source.source_id)) for judged in kept)
    return [LeftOut(stem, TIES_BOTH_SIDES, said) for stem, said in aside if said is not None]


def _grouping(
    subset: Subset, kept: Sequence[Judged], recipe: PublishRecipe, past: Past
) -> Grouping:
    sources = [outcome.source for outcome in subset.outcomes]
    is_test = recipe.role == "test"  # there is one side only
    return find_groups(
        _members(sources, kept, subset.repeated_sources()),
        [pictured(judged) for judged in kept if judged.verdict["hash"] is not None],
        subset.repeated_pairs(),
        past={} if is_test else past.sides,
        published=past.samples.keys(),
        pins=recipe.pin,
        near_bits=recipe.near_bits,
    )


def pictured(judged: Judged) -> Pictured:
    """Return a crop's hashes, with its source as owner."""
    row = judged.verdict
    return Pictured(judged.stem, judged.source.source_id, row["hash"], row["mirror_hash"])


def _members(
    sources: Iterable[Source],
    kept: Iterable[Judged] = (),
    same_as: Mapping[str, str] = MappingProxyType({}),
) -> list[Member]:
    """Return all sources, also those that gave nothing: what they tie together is true.

    `same_as` names, of sources whose bytes came before, the one that had them first.
    """
    counts = Counter(judged.source.source_id for judged in kept)
    media: dict[str, set[str]] = {}
    for judged in kept:
        media.setdefault(judged.source.source_id, set()).add(judged.crop["media_id"])
    members = []
    for source in sources:
        own = source.source_id
        first = [f"source {same_as[own]}"] if own in same_as else []
        keys = (*keys_of(source, media.get(own, ())), *first)
        members.append(Member(own, keys, counts[own]))
    return members


def check_pins(sources: Iterable[Source], recipe: PublishRecipe) -> None:
    """Refuse, before any work, pins that tear apart what belongs together by the source list.

    Raises:
        InputError: two sources of one group are pinned to different sides.
    """
    sides_by_pins(_members(sources), {}, recipe.pin)
