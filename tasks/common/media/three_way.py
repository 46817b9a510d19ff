"""The three-way merge of masks: no pixel that a person changed is lost to a newer machine mask."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Mask


class Merged(NamedTuple):
    """A merged mask, and where both sides changed a pixel to different codes: bool (H, W)."""

    mask: Mask
    conflicts: NDArray[np.bool_]


def merge_masks(base: Mask, human: Mask, machine: Mask) -> Merged:
    """Merge what a person and a machine made of one mask, each uint8 (H, W) of the same shape.

    `base` is the machine mask that was sent out, `human` what came back, `machine` today's mask.
    A pixel that only one side changed is taken from that side. A pixel that both changed is the
    person's; where the two differ it is a conflict as well, for people to look at. With the codes 0
    and 1 alone there is no conflict: two changes of one pixel are the same change.

    Raises:
        ValueError: the masks differ in shape.
    """
    if not base.shape == human.shape == machine.shape:
        raise ValueError(
            f"masks of {base.shape}, {human.shape} and {machine.shape} cannot be merged"
        )
    by_human, by_machine = human != base, machine != base
    merged: Mask = np.where(by_human, human, machine)
    return Merged(merged, by_human & by_machine & (human != machine))
