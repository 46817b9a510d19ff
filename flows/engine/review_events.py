"""Events about work orders, by which automations can start flows or tell people."""

from pathlib import Path

from prefect.events import emit_event

from flows.engine.prefect_artifacts import is_deployed
from flows.engine.work_orders import Receipt
from tasks.annotate.task import Order

WANTED = "matteflow.review.wanted"
SENT = "matteflow.review.sent"
RECEIVED = "matteflow.review.received"


def emit_wanted(run_id: str, n_review: int) -> None:
    """Say that a run has crops that people should look at."""
    if n_review:
        _emit(WANTED, f"matteflow.run.{run_id}", {"run": run_id, "n_review": n_review})


def emit_sent(order: Order, folder: Path) -> None:
    """Say that a work order was written."""
    payload = {"order": order.order, "n_samples": len(order.items), "folder": str(folder)}
    _emit(SENT, f"matteflow.order.{order.order}", payload)


def emit_received(receipt: Receipt, annotator: str) -> None:
    """Say that corrections came back; an automation may publish the next version."""
    payload = {
        "order": receipt.order.order,
        "run": receipt.order.made_from,
        "annotator": annotator,
        "n_new": receipt.n_new,
    }
    _emit(RECEIVED, f"matteflow.order.{receipt.order.order}", payload)


def _emit(event: str, resource: str, payload: dict[str, object]) -> None:
    # Without deployments no server stays, and no one listens.
    if is_deployed():
        emit_event(event=event, resource={"prefect.resource.id": resource}, payload=payload)
