"""A work order over two crops, written in any format, and its returned forms."""

from collections.abc import Callable
from pathlib import Path

from flows.engine.work_orders import Receipt, receive
from tasks.annotate.order import Format, Order
from tasks.annotate.pick import Picked
from tasks.annotate.receive import Delivered
from tasks.annotate.send import plan_order, write_order
from tasks.common.media.images import Mask, read_grey
from tasks.common.schema.rows import Crop, JudgedCrop, Matte, RunCrop
from tests.annotate.builders import NOW, workspace, write_crops, write_mattes

Edit = Callable[[Mask], Mask]


def judged(crop_id: str) -> JudgedCrop:
    return JudgedCrop(crop_id, "keep", None, None, None, None, (), None, {}, None, None)


def run_crops() -> list[RunCrop]:
    crops = write_crops()
    mattes = {row.crop_id: row for row in workspace().rows(Matte, write_mattes(crops))}
    return [
        RunCrop("street", row, None, mattes[row.crop_id], judged(row.crop_id))
        for row in workspace().rows(Crop, crops)
    ]


def sent(kind: Format, folder: Path) -> Order:
    """Write a work order of both people's crops into a new folder."""
    picked = [Picked(crop, 0.5, "t", 1) for crop in run_crops()]
    order = plan_order(picked, "run-1", kind, NOW, workspace())
    write_order(order, picked, folder, workspace())
    return order


def base_of(order: Order, number: int) -> Mask:
    item = order.items[number]
    return read_grey(workspace().path(f"corrections/{item.media_id}/{item.mask_digest}.png"))


def received(path: Path, order: Order | None = None, *, annotator: str = "ann") -> Receipt:
    name = "" if order is None else order.order
    return receive(path, Delivered(annotator, NOW), name, workspace())
