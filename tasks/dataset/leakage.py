"""`groups.json`: which groups there are, on which side, and that none is on two."""

from collections.abc import Iterable, Sequence
from typing import Any

from tasks.common.recipe.publish import PublishRecipe, Side
from tasks.dataset.groups import Group
from tasks.dataset.near_pairs import near_pairs
from tasks.dataset.selection import Sample, Selection, pictured

Facts = dict[str, Any]
_MAX_TOLD = 5


def prove_no_leak(selection: Selection, recipe: PublishRecipe) -> Facts:
    """Return the groups and what was compared, from the samples alone and not from the grouping.

    Raises:
        ValueError: something is on two sides after all; nothing may be published then.
    """
    sides = {side: [s for s in selection.samples if s.split == side] for side in _SIDES}
    keys = {side: {key for sample in own for key in sample.keys} for side, own in sides.items()}
    shared = sorted(keys["train"] & keys["val"])
    pictures = {side: _pictures(own) for side, own in sides.items()}
    near = near_pairs(pictures["train"], pictures["val"], recipe.near_bits)
    if shared or near:
        found = [*shared, *(f"{pair.one} ~ {pair.other}" for pair in near)]
        raise ValueError(f"on both sides of the split: {', '.join(found[:_MAX_TOLD])}")
    return {
        "split": shares(selection, recipe),
        "checked": {
            "keys_in_train": len(keys["train"]),
            "keys_in_val": len(keys["val"]),
            "keys_on_both_sides": 0,
            "pairs_compared": len(pictures["train"]) * len(pictures["val"]),
            "pairs_within_bits": 0,
            "bits": recipe.near_bits,
        },
        "groups": [_told(group) for group in selection.groups],
        "left_out": [left._asdict() for left in selection.left_out],
    }


_SIDES: tuple[Side, ...] = ("train", "val")


def _pictures(samples: Iterable[Sample]) -> list[Any]:
    """Return hashes, owned by their side: all of one side are compared with all of the other."""
    return [
        pictured(sample.judged)._replace(owner=sample.split)
        for sample in samples
        if sample.judged.verdict["hash"] is not None
    ]


def shares(selection: Selection, recipe: PublishRecipe) -> Facts:
    """Return how near the split is to what the recipe asks, and what the groups allow."""
    sizes = [group.n_samples for group in selection.groups]
    n_samples, n_val = len(selection.samples), _n_val(selection.groups)
    wanted = 1.0 if recipe.role == "test" else recipe.val_share
    reached = n_val / n_samples if n_samples else 0.0
    return {
        "wanted_val_share": wanted,
        "val_share": round(reached, 4),
        "deviation": round(reached - wanted, 4),
        "n_samples": n_samples,
        "n_groups": len(sizes),
        "n_groups_val": sum(group.side == "val" for group in selection.groups),
        "largest_group_share": round(max(sizes, default=0) / n_samples, 4) if n_samples else 0.0,
    }


def _n_val(groups: Sequence[Group]) -> int:
    return sum(group.n_samples for group in groups if group.side == "val")


def _told(group: Group) -> Facts:
    return {
        "group": group.name,
        "side": group.side,
        "n_samples": group.n_samples,
        "sources": {member.source_id: member.n_samples for member in group.members},
        "joined_by": list(group.joined_by),
    }
