"""Which crops are published, under which stem, on which side of the split."""

import hashlib
from collections.abc import Iterable
from typing import Literal, NamedTuple

from tasks.common.errors import InputError
from tasks.common.recipe import PublishRecipe
from tasks.common.records import Source
from tasks.publish.subset import Judged, Subset

Split = Literal["train", "val"]
_HASH_RANGE = float(1 << 64)


class Sample(NamedTuple):
    """A crop that is published, and its side of the split."""

    judged: Judged
    split: Split


def choose_samples(subset: Subset, recipe: PublishRecipe) -> list[Sample]:
    """Return the kept crops in order of their stems, each on its side of the split.

    Raises:
        InputError: the recipe pins two sources of one group to different sides.
    """
    kept = sorted(subset.crops("keep"), key=lambda judged: judged.stem)
    pins = pinned_groups({outcome.source for outcome in subset.outcomes}, recipe)
    return [Sample(judged, split_of(judged.source, pins, recipe.val_share)) for judged in kept]


def group_of(source: Source) -> str:
    """Name the group that must not be torn apart: all sources of an uploader, else the source."""
    return f"uploader {source.uploader}" if source.uploader else f"source {source.source_id}"


def split_of(source: Source, pins: dict[str, Split], val_share: float) -> Split:
    """Return the side of a source: pinned, else by a hash of its group.

    The hash depends on the group alone, so sources that come later move nobody.
    """
    group = group_of(source)
    if group in pins:
        return pins[group]
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8]) / _HASH_RANGE
    return "val" if place < val_share else "train"


def pinned_groups(sources: Iterable[Source], recipe: PublishRecipe) -> dict[str, Split]:
    """Return the side of each group that the recipe pins.

    Raises:
        InputError: it pins two sources of one group to different sides.
    """
    pins: dict[str, Split] = {}
    for source in sorted(sources, key=lambda source: source.source_id):
        side = recipe.pin.get(source.source_id)
        group = group_of(source)
        if side is not None and pins.setdefault(group, side) != side:
            raise InputError(
                f"publish.pin puts sources of one group ({group}) on both sides; pin them all to "
                f"the same side, or leave {source.source_id} out."
            )
    return pins
