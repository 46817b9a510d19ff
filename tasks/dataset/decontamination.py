"""Decontamination: test and training subsets must have no sample in common, nor nearly one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tasks.common.recipe.publish import PublishRecipe
from tasks.common.schema.published import OtherSubset
from tasks.common.schema.sample import SampleRow
from tasks.dataset.groups import LeftOut
from tasks.dataset.leakage import pictures_of
from tasks.dataset.near_pairs import near_pairs
from tasks.dataset.selection import Selection

OVERLAP = "overlaps_other_subset"


class Overlap(NamedTuple):
    """A sample, one of another subset, and what they share: its kind, and a phrase."""

    stem: str
    subset: OtherSubset
    published: SampleRow
    kind: str
    why: str


def find_overlaps(
    rows: Sequence[SampleRow], subsets: Iterable[OtherSubset], near_bits: int
) -> list[Overlap]:
    """Return one overlap for each sample that has some, in order of the stems.

    Keys go before pictures: a shared source explains more than a similar picture.
    """
    first: dict[str, Overlap] = {}
    for subset in subsets:
        for overlap in (*_by_keys(rows, subset), *_by_pictures(rows, subset, near_bits)):
            first.setdefault(overlap.stem, overlap)
    return [first[stem] for stem in sorted(first)]


def _by_keys(rows: Sequence[SampleRow], subset: OtherSubset) -> list[Overlap]:
    by_key: dict[str, SampleRow] = {}
    for published in subset.samples:
        # Any sample with the key is evidence enough; the first one keeps the result stable.
        for key in published.keys:
            by_key.setdefault(key, published)
    overlaps = []
    for row in rows:
        shared = next((key for key in row.keys if key in by_key), None)
        if shared is not None:
            # A key is `kind name`; see `group_keys`. The digest of a media file helps nobody in a
            # sentence.
            kind, _, name = shared.partition(" ")
            why = "the same file" if kind == "media" else f"the same {kind} {name}"
            overlaps.append(Overlap(row.stem, subset, by_key[shared], kind, why))
    return overlaps


def _by_pictures(rows: Sequence[SampleRow], subset: OtherSubset, near_bits: int) -> list[Overlap]:
    published = {row.stem: row for row in subset.samples}
    pairs = near_pairs(
        pictures_of(rows, owner="this subset"),
        pictures_of(subset.samples, owner="other subset"),
        near_bits,
    )
    return [
        Overlap(
            pair.stem_a,
            subset,
            published[pair.stem_b],
            "picture",
            f"a near-duplicate image, {pair.bits} of 64 bits differ",
        )
        for pair in pairs
    ]


def without_overlaps(selection: Selection, overlaps: Sequence[Overlap]) -> Selection:
    """Return the selection without the overlapping samples, which join those left out."""
    if not overlaps:
        return selection
    out = {
        overlap.stem: LeftOut(
            overlap.stem,
            OVERLAP,
            f"It overlaps with {overlap.published.stem} of {overlap.subset.label}: {overlap.why}.",
        )
        for overlap in overlaps
    }
    samples = [sample for sample in selection.samples if sample.stem not in out]
    # The groups are in `groups.json` with their counts, so they must lose the same samples. Splits
    # stay as they were chosen: to choose again could move samples that have no overlap.
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for sample in samples:
        counts[sample.row.group, sample.row.source_id] += 1
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


def describe_overlaps(overlaps: Sequence[Overlap], recipe: PublishRecipe, page: str) -> str:
    """Return a sentence for people: what overlaps, where its pictures are, how to fix it."""
    first = overlaps[0]
    kind = "test" if recipe.role == "test" else "training"
    labels = ", ".join(sorted({overlap.subset.label for overlap in overlaps}))
    return (
        f"{len(overlaps)} {kind} samples overlap with {labels}; nothing was published. "
        f"For example {first.stem} and {first.published.stem} of {first.subset.label}: "
        f"{first.why}. "
        f"Pictures of all: {page}. Remove their sources from the list, or set publish.related: "
        "leave_out."
    )
