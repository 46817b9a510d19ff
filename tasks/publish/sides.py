"""On which side of the split each group is: as it was, as pinned, else as near to the share."""

import hashlib
from collections.abc import Sequence

from tasks.common.dataset_recipe import Side
from tasks.publish.groups import Group


def choose_sides(groups: Sequence[Group], val_share: float) -> dict[str, Side]:
    """Return the side of each group, by its name.

    Free groups are asked in an order that a hash of their names gives, and go to validation where
    that brings its number of samples nearer to the share. So the share is missed by at most half
    of the largest free group, unless what is given already misses it by more. A side that would be
    empty although a share is wanted for it gets the smallest free group.
    """
    chosen: dict[str, Side] = {group.name: group.side for group in groups if group.side}
    free = sorted((group for group in groups if not group.side), key=lambda g: _place(g.name))
    n_total = sum(group.n_samples for group in groups)
    n_val = sum(group.n_samples for group in groups if group.side == "val")
    wanted = val_share * n_total - n_val
    for group in free:
        is_nearer = abs(wanted - group.n_samples) < abs(wanted)
        chosen[group.name] = "val" if is_nearer else "train"
        wanted -= group.n_samples if is_nearer else 0
    wants: dict[Side, float] = {"val": val_share, "train": 1 - val_share}
    for side, share in wants.items():
        if share > 0 and side not in chosen.values() and free and len(groups) > 1:
            chosen[min(free, key=lambda g: (g.n_samples, _place(g.name))).name] = side
    return chosen


def _place(name: str) -> str:
    """Shuffle groups the same way on every machine, whatever else there is."""
    return hashlib.sha256(name.encode()).hexdigest()
