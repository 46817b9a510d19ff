"""Work orders on the desk: sending a selection to annotators, and what came back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.desk import rooms
from flows.desk.changes import read_body, rows_of
from flows.desk.rooms import OrderFormat
from flows.desk.site import Site, render, site_of, view_of
from flows.desk.view import View
from tasks.common.errors import InputError
from tasks.common.files import write_file
from tasks.common.records import Record
from tasks.common.settings import settings


class Send(Record):
    """What goes out: some crops, or all of the view; in the form of a tool."""

    crops: tuple[str, ...] = Field((), max_length=5000)
    format: OrderFormat = "png"
    author: str = ""


def page(request: Request) -> Response:
    """Show the work orders of the workspace, and send one."""
    site = site_of(request)
    view = view_of(request)
    selection = site.desk.select(view)
    with_mask = site.desk.index.has_mask[selection.rows]
    return render(
        request,
        "orders.html.j2",
        orders=rooms.list_orders(site.desk.workspace),
        formats=get_args(OrderFormat),
        view=view,
        n_view=int(with_mask.sum()),
        jobs=[job.plain() for job in site.jobs.newest_first()],
        boot={"query": view.query()},
    )


async def send(request: Request) -> Response:
    """Start writing a work order."""
    wanted: Send = await read_body(request, Send)
    return await run_in_threadpool(_send, site_of(request), view_of(request), wanted)


def _send(site: Site, view: View, wanted: Send) -> Response:
    desk = site.desk
    rows = rows_of(desk, wanted.crops) if wanted.crops else desk.select(view).rows.tolist()
    by_run: dict[int, list[str]] = {}
    for row in rows:
        if desk.index.has_mask[row]:
            by_run.setdefault(int(desk.index.run_of[row]), []).append(desk.index.crop_ids[row])
    if not by_run:
        raise InputError("None of these crops has a mask, so there is nothing to correct.")
    if len(by_run) > 1:
        raise InputError(
            "These crops come from several runs; a work order is made from one. Filter by source."
        )
    ((run, ids),) = by_run.items()
    folder = settings().home / "work-orders" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{wanted.format}"
    listing = _write_ids(folder, ids)
    arguments = [
        "review", "send", desk.index.records[run].run_id, "--pick", str(listing),
        "--format", wanted.format, "--to", str(folder), "--store", desk.store,
    ]  # fmt: skip
    return JSONResponse(site.jobs.start("order", arguments).plain() | {"folder": str(folder)})


def _write_ids(folder: Path, ids: list[str]) -> Path:
    listing = folder.with_suffix(".txt")
    write_file(listing, "".join(f"{name}\n" for name in ids).encode())
    return listing
