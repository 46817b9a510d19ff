"""A mask drawn on the curator's desk: a work order of one sample, answered at once."""

from datetime import datetime

import numpy as np

from tasks.annotate.order import save_order
from tasks.annotate.pick import Picked
from tasks.annotate.receive import Delivered, Outcome, check_delivery, store_checked
from tasks.annotate.routes.returned import Returned
from tasks.annotate.send import mask_png, plan_order
from tasks.common.errors import InputError
from tasks.common.media.images import Mask
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import write_mask

DRAWN_HERE = "desk"
"""The tool, as corrections name it, of masks that were drawn on the desk."""


def receive_drawn(
    crop: RunCrop, mask: Mask, made_from: str, author: str, now: datetime, workspace: Workspace
) -> Outcome:
    """Store a mask that somebody drew over a crop's mask, and say what became of it.

    `mask` is uint8 (H, W) of 0 and 1, of the crop's size. It goes the way of an annotator's mask:
    the mask that was shown is kept as the base of later merges, the checks are the same, and the
    correction belongs to the pixels of the media. A mask without a change counts as confirmed.

    Raises:
        InputError: the crop has no mask, or what was drawn is refused; the text says why.
        ArtifactError: the crop's picture or mask changed since the run made it.
    """
    if crop.matte is None:
        raise InputError(f"{crop.stem} was never matted, so there is no mask to correct.")
    # One sample, so its margin and its track order nothing.
    order = plan_order([Picked(crop, 0.0, "", 1)], made_from, "png", now, workspace)
    (item,) = order.items
    write_mask(workspace, item.media_id, item.mask_digest, mask_png(crop.matte, workspace))
    save_order(order, workspace)
    returned = Returned(
        crop.stem,
        crop.stem,
        np.ascontiguousarray(mask, np.uint8),
        size_wh=(mask.shape[1], mask.shape[0]),
        picture_digest=item.picture_digest,
    )
    delivered = Delivered(author, now, DRAWN_HERE, confirm=True)
    checked = check_delivery([(DRAWN_HERE, returned)], order, delivered, workspace)
    outcome = checked[0].outcome
    if outcome.result == "refused":
        raise InputError(outcome.sentence)
    store_checked(checked, workspace)
    return outcome
