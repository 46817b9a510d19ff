"""What ties samples to another subset: test and training data must have nothing in common."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tasks.common.recipe.publish import PublishRecipe
from tasks.dataset.groups import LeftOut
from tasks.dataset.near_pairs import Pictured, near_pairs
from tasks.dataset.selection import Sample, Selection, pictured


class Foreign(NamedTuple):
    """A sample of another subset: where its image lies in the store, its keys and hashes."""

    stem: str
    image: str
    mask: str
    keys: tuple[str, ...]
    picture: Pictured


class Other(NamedTuple):
    """Another subset that must not be related to this one: `role` says which of them is for
    tests."""

    label: str
    tree: str
    role: str
    samples: Sequence[Foreign]


class Relation(NamedTuple):
    """A sample of ours, one of the other subset, and what they share: its kind, and in words."""

    stem: str
    other: Foreign
    label: str
    kind: str
    why: str


RELATED = "related_subset"


def find_relations(
    samples: Sequence[Sample], others: Iterable[Other], near_bits: int
) -> list[Relation]:
    """Name, for each sample that has something in common with another subset, what it is."""
    found = []
    for other in others:
        by_key: dict[str, Foreign] = {}
        for foreign in other.samples:
            for key in foreign.keys:
                by_key.setdefault(key, foreign)
        for sample in samples:
            shared = next((key for key in sample.keys if key in by_key), None)
            if shared is not None:
                kind, _, name = shared.partition(" ")
                why = "the same bytes" if kind == "media" else f"the same {kind} {name}"
                found.append(Relation(sample.stem, by_key[shared], other.label, kind, why))
        found += _by_pictures(samples, other, near_bits)
    seen: dict[str, Relation] = {}
    for relation in found:
        seen.setdefault(relation.stem, relation)
    return [seen[stem] for stem in sorted(seen)]


def _by_pictures(samples: Sequence[Sample], other: Other, near_bits: int) -> list[Relation]:
    own = [pictured(s.judged)._replace(owner="ours") for s in samples if s.judged.verdict["hash"]]
    theirs = {foreign.stem: foreign for foreign in other.samples if foreign.picture.hash}
    pairs = near_pairs(own, [foreign.picture for foreign in theirs.values()], near_bits)
    return [
        Relation(
            pair.one,
            theirs[pair.other],
            other.label,
            "picture",
            f"nearly the same picture, {pair.bits} of 64 bits differ",
        )
        for pair in pairs
    ]


def without_related(selection: Selection, relations: Sequence[Relation]) -> Selection:
    """Return the selection less the related samples, which are named among those left out."""
    out = {
        relation.stem: LeftOut(
            relation.stem,
            RELATED,
            f"It is related to {relation.other.stem} of {relation.label}: {relation.why}.",
        )
        for relation in relations
    }
    samples = [sample for sample in selection.samples if sample.stem not in out]
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for sample in samples:
        counts[sample.group, sample.judged.source.source_id] += 1
    groups = [
        group._replace(
            members=tuple(
                member._replace(n_samples=counts[group.name, member.source_id])
                for member in group.members
                if counts[group.name, member.source_id]
            )
        )
        for group in selection.groups
    ]
    left_out = sorted([*selection.left_out, *out.values()])
    return Selection(samples, [group for group in groups if group.members], left_out)


def describe_relations(relations: Sequence[Relation], recipe: PublishRecipe, page: str) -> str:
    """Say, for people, what ties this subset to others, and how to mend it."""
    first = relations[0]
    kind = "test" if recipe.role == "test" else "training"
    labels = ", ".join(sorted({relation.label for relation in relations}))
    return (
        f"{len(relations)} {kind} samples are related to {labels}; nothing was published. "
        f"For example {first.stem} and {first.other.stem} of {first.label}: {first.why}. "
        f"Pictures of all: {page}. Take their sources out of the list, or set publish.related: "
        "leave_out."
    )
