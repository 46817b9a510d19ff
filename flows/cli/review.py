"""Send masks to annotators, and take corrected masks back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.console import FAILED, console
from flows.cli.options import Store
from flows.engine.work_orders import Receipt, Request, receive, send
from tasks.annotate.task import OFF_BELOW, Delivered, Format, Order, rate_annotators
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace

_MAX_ROWS = 20
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def review_send(
    made_from: Annotated[
        str,
        typer.Argument(metavar="RUN|VERSION", help="A run or NAME@v3; empty takes the newest run."),
    ] = "",
    kind: Annotated[
        Format,
        typer.Option("--format", help="The annotators' tool; png also serves cut-out tools."),
    ] = "png",
    pick: Annotated[
        str,
        typer.Option(help="review, uncertain, all, or a file with a sample's id on each line."),
    ] = "uncertain",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many samples.")] = None,
    to: Annotated[Path, typer.Option(help="A new folder for the work order.")] = Path("work-order"),
    dry_run: DryRun = False,
    store: Store = "",
) -> None:
    """Write a work order for annotators: pictures, masks, instructions, most useful first."""
    request = Request(made_from, kind, pick, limit, to)
    workspace = Workspace.of(settings())
    order = send(request, workspace, store or settings().store, datetime.now(UTC), dry_run=dry_run)
    _print_order(order)
    if dry_run:
        console.print("Nothing was written.")
        return
    console.print(
        f"Work order {order.order}: {len(order.items)} samples in {to}. Give annotators the folder "
        f"with instructions.html; then `matteflow review receive {to} --annotator NAME`.",
        highlight=False,
        soft_wrap=True,
    )


def review_receive(
    delivery: Annotated[
        Path, typer.Argument(help="The folder that came back, or the export of a tool.")
    ],
    annotator: Annotated[str, typer.Option(help="Who corrected the masks.")],
    channel: Annotated[
        str, typer.Option(help="The tool, such as ps, fkw, removebg, cvat; empty: as recognised.")
    ] = "",
    order: Annotated[
        str, typer.Option(help="The work order; empty: by manifest, else by samples.")
    ] = "",
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Working time for the whole delivery.")
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Unchanged masks were checked and are right.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Take corrected masks back: each file is checked and kept, or refused with the reason."""
    delivered = Delivered(annotator, datetime.now(UTC), channel, minutes, confirm)
    receipt = receive(delivery, delivered, order, Workspace.of(settings()), dry_run=dry_run)
    _print_receipt(receipt, dry_run=dry_run)
    if receipt.n_refused:
        raise typer.Exit(FAILED)


def review_annotators() -> None:
    """List the annotators with their masks, their time, and how well they agree with others."""
    table = Table("annotator", "masks", "minutes each", "compared", "IoU", "boundary F", "")
    ratings = rate_annotators(Workspace.of(settings()))
    for rating in ratings:
        table.add_row(
            rating.annotator,
            str(rating.n_masks),
            _number(rating.minutes, 1),
            str(rating.n_compared),
            _number(rating.iou, 3),
            _number(rating.boundary_f, 3),
            f"off: below {OFF_BELOW:g}" if rating.is_off else "",
        )
    console.print(table if ratings else "Nobody has sent corrections yet.")


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _print_order(order: Order) -> None:
    table = Table("sample", "source", "verdict", "margin", "track", "why")
    table.columns[0].no_wrap = True  # people copy it
    table.columns[0].min_width = 24
    for item in order.items[:_MAX_ROWS]:
        track = f"{item.track.rpartition('-')[2]} of {item.n_in_track}"
        why = item.sentence or "kept, but least sure"
        table.add_row(item.sample, item.source_id, item.verdict, f"{item.margin:.2f}", track, why)
    console.print(table)
    if len(order.items) > _MAX_ROWS:
        console.print(f"… and {len(order.items) - _MAX_ROWS} more.", highlight=False)


def _print_receipt(receipt: Receipt, *, dry_run: bool) -> None:
    for outcome in receipt.outcomes:
        style = "red" if outcome.result == "refused" else None
        line = f"{outcome.result:9}  {outcome.sentence}"
        console.print(line, style=style, highlight=False, soft_wrap=True)
    note = " Nothing was stored." if dry_run else ""
    console.print(
        f"Work order {receipt.order.order}: {receipt.summary}.{note}",
        highlight=False,
        soft_wrap=True,
    )
    if receipt.n_new and not dry_run:
        console.print("`matteflow publish` makes the next version with them.", highlight=False)
