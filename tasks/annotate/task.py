"""The tasks of the annotate room: `correct` merges the corrections of people into mattes."""

from tasks.annotate import VERSION
from tasks.annotate.compare import compare_masks
from tasks.annotate.draw import DRAWN_HERE, receive_drawn
from tasks.annotate.known import with_known
from tasks.annotate.order import FORMATS, Format, Order, find_order, load_order, order_names
from tasks.annotate.pick import Picked, pick_crops
from tasks.annotate.propagate import propose_masks
from tasks.annotate.quality import OFF_BELOW, Agreement, rate_annotators
from tasks.annotate.receive import (
    Delivered,
    Outcome,
    check_delivery,
    outcomes_of,
    samples_done,
    store_checked,
)
from tasks.annotate.routes.delivery import open_delivery, sample_names
from tasks.annotate.send import plan_order, require_empty, write_order
from tasks.annotate.stage import correct_key, correct_mattes, media_of
from tasks.common.errors import MatteflowError
from tasks.common.records import MediaTable
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.caching import stage_task
from tasks.common.workspace.corrections import is_corrected

__all__ = [
    "DRAWN_HERE",
    "FORMATS",
    "OFF_BELOW",
    "Agreement",
    "Delivered",
    "Format",
    "Order",
    "Outcome",
    "Picked",
    "check_delivery",
    "compare_masks",
    "correct",
    "find_order",
    "has_corrections",
    "load_order",
    "open_delivery",
    "order_names",
    "outcomes_of",
    "pick_crops",
    "plan_order",
    "propose_masks",
    "rate_annotators",
    "receive_drawn",
    "require_empty",
    "sample_names",
    "samples_done",
    "store_checked",
    "with_known",
    "write_order",
]

correct = stage_task("correct", correct_mattes, version=VERSION, key=correct_key)


def has_corrections(media: MediaTable) -> bool:
    """Say whether people corrected masks of this media; most sources need no `correct` stage.

    True also where that cannot be told: the stage then meets the fault, and its source alone fails.
    """
    workspace = Workspace.of(settings())
    try:
        return is_corrected(workspace, media_of(media, workspace))
    except (MatteflowError, OSError):
        return True
