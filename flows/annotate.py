"""Work orders in Prefect: a form sends masks to annotators, another takes them back corrected."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.engine.end_states import refusal
from flows.engine.prefect_artifacts import (
    create_delivery_artifact,
    create_order_artifact,
    flow_run_id,
)
from flows.engine.review_events import emit_received, emit_sent
from flows.engine.work_orders import Request, receive, send
from tasks.annotate.task import Delivered, Format
from tasks.common.errors import ArtifactError, MatteflowError
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace


@flow(name="review-send", flow_run_name="review-send-{kind}")
def review_send(
    made_from: str = "",
    kind: Format = "png",
    pick: str = "uncertain",
    limit: int = 50,
    to: str = "",
    store: str = "",
) -> State[Any]:
    """Write a work order for annotators into a folder: pictures, masks, instructions.

    Args:
        made_from: A run, as `matteflow show` prints it, or a version such as NAME@v3; empty takes
            the newest run.
        kind: The annotators' tool.
        pick: review, uncertain, all, or a file with a sample's id on each line.
        limit: At most so many samples, the most useful first.
        to: A new folder that the worker can write; empty makes one under MATTEFLOW_HOME.
        store: Where versions are; empty takes MATTEFLOW_STORE.
    """
    folder = Path(to) if to else settings().home / "work-orders" / flow_run_id()
    request = Request(made_from, kind, pick, limit, folder)
    workspace = Workspace.of(settings())
    try:
        order = send(request, workspace, store or settings().store, datetime.now(UTC))
    except ArtifactError as error:
        return Failed(name="NotSent", message=str(error))
    except MatteflowError as error:
        return refusal(error)
    create_order_artifact(order, folder)
    emit_sent(order, folder)
    message = f"Work order {order.order}: {len(order.items)} samples in {folder}."
    return Completed(message=message, data=order.order)


@flow(name="review-receive", flow_run_name="review-receive-{annotator}")
def review_receive(
    delivery: str,
    annotator: str,
    channel: str = "",
    order: str = "",
    minutes: float | None = None,
    confirm: bool = False,
    dry_run: bool = False,
) -> State[Any]:
    """Take corrected masks back: each file is checked and kept, or refused with the reason.

    Args:
        delivery: The folder that came back, or the export of a tool, where the worker can read it.
        annotator: Who corrected the masks.
        channel: The tool, such as ps, fkw, removebg, cvat; empty: as recognised.
        order: The work order; empty: by its manifest, else by its samples.
        minutes: Working time for the whole delivery.
        confirm: Masks that are unchanged were checked and are right.
        dry_run: Only say what would be done.
    """
    delivered = Delivered(annotator, datetime.now(UTC), channel, minutes, confirm)
    try:
        receipt = receive(
            Path(delivery), delivered, order, Workspace.of(settings()), dry_run=dry_run
        )
    except ArtifactError as error:
        return Failed(name="NotReceived", message=str(error))
    except MatteflowError as error:
        return refusal(error)
    create_delivery_artifact(receipt)
    if receipt.n_new and not dry_run:
        emit_received(receipt, annotator)
    message = f"Work order {receipt.order.order}: {receipt.summary}."
    # What is right is stored all the same; the name says that a person has to look.
    if receipt.n_refused:
        return Failed(name="SomeRefused", message=message, data=receipt.order.order)
    return Completed(message=message, data=receipt.order.order)
