"""The leakage check, and `groups.json`: which groups there are, and in which split."""

from collections.abc import Iterable, Sequence

from tasks.common.recipe.publish import PublishRecipe
from tasks.common.schema.layout import SPLITS
from tasks.common.schema.sample import SampleRow
from tasks.dataset.dataset_json import Metadata
from tasks.dataset.groups import Group
from tasks.dataset.near_pairs import HashedPicture, near_pairs
from tasks.dataset.selection import Selection

_MAX_EXAMPLES = 5


def check_leakage(selection: Selection, recipe: PublishRecipe) -> Metadata:
    """Return the groups and what was compared, as JSON values.

    The check looks at the samples alone, not at the groups: it would find a mistake of the
    grouping.

    Raises:
        ValueError: a key or a picture is in both splits; such a tree must not be published.
    """
    # From the rows that are published, with no call into `groups` or `split`: a check that shares
    # code with what it checks would repeat its mistakes.
    rows = {split: [row for row in selection.rows if row.split == split] for split in SPLITS}
    keys = {split: {key for row in own for key in row.keys} for split, own in rows.items()}
    shared = sorted(keys["train"] & keys["val"])
    pictures = {split: pictures_of(own, owner=split) for split, own in rows.items()}
    near = near_pairs(pictures["train"], pictures["val"], recipe.near_bits)
    if shared or near:
        leaks = [*shared, *(f"{pair.stem_a} ~ {pair.stem_b}" for pair in near)]
        raise ValueError(f"in both splits: {', '.join(leaks[:_MAX_EXAMPLES])}")
    return {
        "split": _shares(selection, recipe),
        "checked": {
            "keys_in_train": len(keys["train"]),
            "keys_in_val": len(keys["val"]),
            # Zero by the check above; written down for readers who do not know that the check
            # raises.
            "shared_keys": 0,
            "pairs_compared": len(pictures["train"]) * len(pictures["val"]),
            "pairs_within_bits": 0,
            "bits": recipe.near_bits,
        },
        "groups": [_group(group) for group in selection.groups],
        "left_out": [left._asdict() for left in selection.left_out],
    }


def pictures_of(rows: Iterable[SampleRow], owner: str) -> list[HashedPicture]:
    """Return the hashes of samples; pictures of one owner are not compared with each other."""
    return [
        HashedPicture(row.stem, owner, row.hash, row.mirror_hash)
        for row in rows
        if row.hash is not None and row.mirror_hash is not None
    ]


def _shares(selection: Selection, recipe: PublishRecipe) -> Metadata:
    """Return how near the split is to what the recipe asks, and what the groups allow."""
    sizes = [group.n_samples for group in selection.groups]
    n_samples, n_val = len(selection.samples), _n_val(selection.groups)
    wanted_share = 1.0 if recipe.role == "test" else recipe.val_share
    reached = n_val / n_samples if n_samples else 0.0
    return {
        "wanted_val_share": wanted_share,
        "val_share": round(reached, 4),
        "deviation": round(reached - wanted_share, 4),
        "n_samples": n_samples,
        "n_groups": len(sizes),
        "n_groups_val": sum(group.split == "val" for group in selection.groups),
        "largest_group_share": round(max(sizes, default=0) / n_samples, 4) if n_samples else 0.0,
    }


def _n_val(groups: Sequence[Group]) -> int:
    return sum(group.n_samples for group in groups if group.split == "val")


def _group(group: Group) -> Metadata:
    return {
        "group": group.name,
        "split": group.split,
        "n_samples": group.n_samples,
        "sources": {member.source_id: member.n_samples for member in group.members},
        "joined_by": list(group.joined_by),
    }
