"""Work orders, and masks that were sent back."""

from typing import NamedTuple

from tasks.annotate.task import DRAWN_HERE, load_order, order_names
from tasks.annotate.task import Format as OrderFormat
from tasks.common.errors import InputError
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import (
    read_corrections,
)

__all__ = ["OrderFormat", "OrderLine", "list_orders"]


class OrderLine(NamedTuple):
    """A work order in one line; `n_done` of its samples have a correction by somebody."""

    order: str
    made_from: str
    format: str
    sent: str
    n_samples: int
    n_done: int
    annotators: str


def list_orders(workspace: Workspace, most: int = 30) -> list[OrderLine]:
    """Return the newest work orders; masks drawn on a desk are none that anybody waits for."""
    orders = []
    for name in order_names(workspace):
        try:
            orders.append(load_order(name, workspace))
        except InputError:  # a damaged manifest; receiving says so
            continue
    newest = sorted(orders, key=lambda order: order.sent_at, reverse=True)
    lines = []
    for order in newest:
        media = {item.media_id for item in order.items}
        answers = [
            correction
            for media_id in sorted(media)
            for correction in read_corrections(workspace, media_id)
            if correction.order == order.order
        ]
        if answers and all(answer.channel == DRAWN_HERE for answer in answers):
            continue
        lines.append(
            OrderLine(
                order.order,
                order.made_from,
                order.format,
                f"{order.sent_at:%Y-%m-%d %H:%M}",
                len(order.items),
                len({answer.sample for answer in answers}),
                ", ".join(sorted({answer.annotator for answer in answers})),
            )
        )
        if len(lines) == most:
            break
    return lines
