"""Near-duplicates across sources among many crops at once, as `settle` finds them."""

import numpy as np
from numpy.typing import NDArray

from tasks.common.recipe.bounds import BitBounds
from tasks.common.similarity.near_graph import Flags, NearGraph, Ranks

_KEEP, _REVIEW, _DROP = 0, 1, 2


def settle_columns(
    codes: NDArray[np.uint8],
    is_compared: Flags,
    is_wanted: Flags,
    source_of: NDArray[np.int64],
    quality: Ranks,
    graph: NearGraph,
    limits: BitBounds | None,
) -> tuple[NDArray[np.uint8], Flags]:
    """Return the final verdicts (0 keep, 1 review, 2 drop), and which crops are near-duplicates.

    `is_compared`: crops with a hash and, if they need one, a mask. `is_wanted`: a curator decided
    to keep this very crop. `quality` is the rank of a crop among all, best first.
    """
    if limits is None or limits.kept_from == 0:
        return codes, np.zeros(len(codes), bool)
    kept, for_review = is_compared & (codes == _KEEP), is_compared & (codes == _REVIEW)
    distances = graph.nearest_kept(np.where(kept, quality, -1), limits.kept_from)
    dropped = kept & (distances < (limits.min or 0.0))
    doubted = kept & ~dropped & (distances < (limits.review_min or 0.0))
    still_kept = kept & (distances >= limits.kept_from)
    nearest, bits = graph.nearest_of(for_review, still_kept, quality)
    is_elsewhere = source_of[nearest] != source_of  # of -1 anything: its bits are 64
    dropped |= for_review & (bits < (limits.min or 0.0)) & is_elsewhere
    dropped, doubted = dropped & ~is_wanted, doubted & ~is_wanted
    final = np.where(dropped, np.uint8(_DROP), np.where(doubted, np.uint8(_REVIEW), codes))
    return final, dropped | doubted
