"""On which side of the split each group is: as it was, as pinned, else as near to the share."""

import hashlib
from collections.abc import Sequence

from tasks.common.recipe.publish import Side
from tasks.dataset.groups import Group

_EXACT = 64  # so many groups are tried in all combinations, as sums in one long number


def choose_sides(groups: Sequence[Group], val_share: float) -> dict[str, Side]:
    """Return the side of each group, by its name.

    Free groups are taken in an order that a hash of their names gives. Validation gets those of
    the last 64 that bring its number of samples nearest to the share; of those before, each that
    fits. A side that would be empty although a share is wanted for it gets the
    smallest free group.
    """
    chosen: dict[str, Side] = {group.name: group.side for group in groups if group.side}
    free = sorted((group for group in groups if not group.side), key=lambda g: _place(g.name))
    n_val = sum(group.n_samples for group in groups if group.side == "val")
    wanted = val_share * sum(group.n_samples for group in groups) - n_val
    for group in free[:-_EXACT]:
        fits = group.n_samples <= wanted
        chosen[group.name] = "val" if fits else "train"
        wanted -= group.n_samples if fits else 0
    last = free[-_EXACT:]
    taken = nearest_sum([group.n_samples for group in last], wanted)
    chosen |= {g.name: "val" if is_val else "train" for g, is_val in zip(last, taken, strict=True)}
    wants: dict[Side, float] = {"val": val_share, "train": 1 - val_share}
    for side, share in wants.items():
        if share > 0 and side not in chosen.values() and free and len(groups) > 1:
            chosen[min(free, key=lambda g: (g.n_samples, _place(g.name))).name] = side
    return chosen


def nearest_sum(sizes: Sequence[int], wanted: float) -> list[bool]:
    """Say which sizes to take so that their sum is nearest to `wanted`; of two the smaller sum.

    Bit n of `reach[i]` says whether the first i sizes can sum up to n.
    """
    reach = [1]
    for size in sizes:
        reach.append(reach[-1] | reach[-1] << size)
    floor = max(0, int(wanted))
    below = (reach[-1] & ((2 << floor) - 1)).bit_length() - 1
    above = reach[-1] >> (floor + 1)
    total = floor + (above & -above).bit_length() if above else below
    total = total if abs(total - wanted) < abs(below - wanted) else below
    taken = []
    for number in range(len(sizes) - 1, -1, -1):
        is_taken = not reach[number] >> total & 1
        total -= sizes[number] if is_taken else 0
        taken.append(is_taken)
    return taken[::-1]


def _place(name: str) -> str:
    """Shuffle groups the same way on every machine, whatever else there is."""
    return hashlib.sha256(name.encode()).hexdigest()
