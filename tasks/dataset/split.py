"""In which split each group is: as before, as pinned, else as near to the share as possible."""

import hashlib
from collections.abc import Sequence

from tasks.common.schema.layout import Split
from tasks.dataset.groups import Group

_EXACT = 64  # groups whose best combination is found exactly; see `nearest_sum`


def choose_splits(groups: Sequence[Group], val_share: float) -> dict[str, Split]:
    """Return the split of each group, by its name.

    Groups with a given split keep it. The others are taken in an order that a hash of their names
    gives. The last 64 are chosen exactly, so that the number of validation samples is nearest to
    the share; of those before them, each that still fits goes to validation. Few large groups are
    the hard case, and they are all among the last 64; with more groups the last 64 make up for what
    the first ones miss.

    A split that would be empty although the recipe wants a share in it gets the smallest free
    group.
    """
    chosen: dict[str, Split] = {group.name: group.split for group in groups if group.split}
    free = sorted((group for group in groups if not group.split), key=lambda g: _order(g.name))
    n_val = sum(group.n_samples for group in groups if group.split == "val")
    # Negative where given groups exceed the share already; then no free group fits.
    n_missing = val_share * sum(group.n_samples for group in groups) - n_val
    for group in free[:-_EXACT]:
        fits = group.n_samples <= n_missing
        chosen[group.name] = "val" if fits else "train"
        n_missing -= group.n_samples if fits else 0
    last = free[-_EXACT:]
    taken = nearest_sum([group.n_samples for group in last], n_missing)
    chosen |= {g.name: "val" if is_val else "train" for g, is_val in zip(last, taken, strict=True)}
    # A trainer cannot start without one of the two, so a share above 0 must not round to nothing.
    shares: dict[Split, float] = {"val": val_share, "train": 1 - val_share}
    for split, share in shares.items():
        # A single group stays whole: to give it to the other split would empty the first one.
        if share > 0 and split not in chosen.values() and free and len(groups) > 1:
            chosen[min(free, key=lambda g: (g.n_samples, _order(g.name))).name] = split
    return chosen


def nearest_sum(sizes: Sequence[int], target: float) -> list[bool]:
    """Say which sizes to take so that their sum is nearest to `target`; of two the smaller sum.

    The subset-sum problem by dynamic programming, with a Python integer as the row of the table:
    bit n of `reachable[i]` says whether some of the first i sizes add up to n, and adding a size
    shifts the row by it. So 64 sizes cost 64 shifts of a number with as many bits as there are
    samples.
    """
    reachable = [1]
    for size in sizes:
        reachable.append(reachable[-1] | reachable[-1] << size)
    floor = max(0, int(target))
    # The highest reachable sum up to the target, and the lowest one above it.
    below = (reachable[-1] & ((2 << floor) - 1)).bit_length() - 1
    above = reachable[-1] >> (floor + 1)
    total = floor + (above & -above).bit_length() if above else below
    # Strictly nearer: of two equally near sums the smaller is taken, so train gets the samples.
    total = total if abs(total - target) < abs(below - target) else below
    # Walk back: a size is needed where the sum cannot be reached without it.
    taken = []
    for number in range(len(sizes) - 1, -1, -1):
        is_taken = not reachable[number] >> total & 1
        total -= sizes[number] if is_taken else 0
        taken.append(is_taken)
    return taken[::-1]


def _order(name: str) -> str:
    """Shuffle groups in the same way on every machine, whichever other groups there are."""
    return hashlib.sha256(name.encode()).hexdigest()
