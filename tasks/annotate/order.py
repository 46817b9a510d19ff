"""Work orders: which masks went out, and what they were when they did.

orders/<order>.json                  the manifest, also written into the folder that goes out
corrections/<media_id>/<sha256>.png  each mask that was sent, the base of later merges
"""

from datetime import datetime
from typing import Literal, get_args

from pydantic import Field

from tasks.common.errors import InputError
from tasks.common.records import Projection, Record, Verdict
from tasks.common.workspace.artifacts import Workspace

Format = Literal["png", "psd", "cvat", "labelstudio", "coco", "fiftyone"]
FORMATS: tuple[Format, ...] = get_args(Format)
MANIFEST = "manifest.json"
_FOLDER = "orders"
Corners = tuple[float, float, float, float]


class OrderItem(Record):
    """A mask that was sent, and where in the media it lies."""

    sample: str
    source_id: str
    media_id: str
    time_s: float
    frame_size_wh: tuple[int, int]
    projection: Projection
    region_xyxy: Corners = Field(description="what the picture shows, whole px of the frame")
    person_xyxy: Corners = Field(description="the person's box, px of the frame")
    size_wh: tuple[int, int] = Field(description="of picture and mask, px")
    picture_path: str = Field(description="in the workspace")
    picture_digest: str
    mask_digest: str = Field(description="of the machine's mask, the base of later merges")
    channel: str = Field(description="annotation source of the mask that was sent")
    verdict: Verdict
    reason: str = ""
    sentence: str = ""
    margin: float = Field(description="how far inside its bounds the mask is; below 0 it is not")
    p_good: float | None = Field(None, description="trust in the mask, if measured")
    track: str = Field(description="the same person in neighbouring frames")
    n_in_track: int
    shown_digest: str | None = Field(
        None, description="sha256 of a proposed mask that annotators are shown instead"
    )
    shown_from: str | None = Field(None, description="the corrected sample it was carried from")
    shown_trust: float | None = Field(None, description="trust in the proposal, 0..1")
    is_check: bool = Field(
        False, description="a hidden known mask; the manifest that goes out does not say so"
    )


class Order(Record):
    """A work order. Its id follows from what was sent: sending the same again is the same order."""

    order: str
    made_from: str = Field(description="a run, or a version")
    format: Format
    sent_at: datetime
    items: tuple[OrderItem, ...]

    @property
    def by_sample(self) -> dict[str, OrderItem]:
        """The items by their sample."""
        return {item.sample: item for item in self.items}


def save_order(order: Order, workspace: Workspace) -> None:
    """Write the manifest into the workspace; an order that is there stays as it is."""
    path = f"{_FOLDER}/{order.order}.json"
    if workspace.read(path) is None:
        workspace.write(path, encode_order(order))


def without_checks_named(order: Order) -> Order:
    """Return the order as its annotators may read it."""
    items = tuple(item.model_copy(update={"is_check": False}) for item in order.items)
    return order.model_copy(update={"items": items})


def encode_order(order: Order) -> bytes:
    """Return the manifest's bytes."""
    return order.model_dump_json(indent=1).encode() + b"\n"


def load_order(name: str, workspace: Workspace) -> Order:
    """Read a work order by its id.

    Raises:
        InputError: there is none of this id in the workspace.
    """
    data = workspace.read(f"{_FOLDER}/{name}.json")
    if data is None:
        known = ", ".join(order_names(workspace)[-5:]) or "none"
        raise InputError(
            f"There is no work order {name!r} in {workspace.location}. The last ones: {known}."
        )
    return _parse(data, name)


def order_names(workspace: Workspace) -> list[str]:
    """Return the ids of all work orders, by name."""
    return [name.split("/")[1].removesuffix(".json") for name in workspace.names(_FOLDER)]


def find_order(samples: frozenset[str], workspace: Workspace) -> Order:
    """Return the order that sent most of these samples; of several the newest.

    For deliveries without a manifest, such as the exports of annotation tools.

    Raises:
        InputError: no order sent any of them.
    """
    orders = [load_order(name, workspace) for name in order_names(workspace)]
    rated = [(len(samples & order.by_sample.keys()), order.sent_at, order) for order in orders]
    best = max(rated, key=lambda entry: entry[:2], default=None)
    if best is None or best[0] == 0:
        raise InputError(
            "No work order of this workspace sent these samples: "
            f"{', '.join(sorted(samples)[:3]) or 'none found'}. Name the order with --order; its "
            f"id is in {MANIFEST} of the folder that went out."
        )
    return best[2]


def _parse(data: bytes, name: str) -> Order:
    try:
        return Order.model_validate_json(data)
    except ValueError as error:
        raise InputError(
            f"The manifest of work order {name} is damaged. Restore it from a backup, or send the "
            "samples again."
        ) from error


def read_manifest(data: bytes) -> str:
    """Return the id of the order whose manifest lies in a returned folder.

    The rest is read from the workspace: a manifest that travelled may have been edited.
    """
    return _parse(data, MANIFEST).order
