"""Work orders: masks of a run or version go out to annotators, corrected masks come back."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from flows.engine.reuse import read_run_crops
from flows.engine.run_record import RunRecord, find_publishing_run, load_run
from flows.engine.takedowns import without_taken_down
from tasks.annotate.task import (
    Delivered,
    Format,
    Order,
    Outcome,
    check_delivery,
    find_order,
    load_order,
    open_delivery,
    outcomes_of,
    pick_crops,
    plan_order,
    propose_masks,
    require_empty,
    sample_names,
    samples_done,
    store_checked,
    with_known,
    write_order,
)
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.task import open_registry


class Request(NamedTuple):
    """What is wanted: a run or version (empty: the newest run), how, which samples, where to."""

    made_from: str
    kind: Format
    pick: str
    limit: int | None
    folder: Path


def send(
    request: Request, workspace: Workspace, store: str, now: datetime, *, dry_run: bool = False
) -> Order:
    """Write a work order into a folder; with `dry_run` only say what it would be.

    Raises:
        InputError: there is no such run or version, nothing to send, or the folder is in use.
        ArtifactError: a picture or mask is damaged.
    """
    require_empty(request.folder)
    record, crops = _read(request.made_from, workspace, store)
    allowed = without_taken_down(crops, record.sources_by_id, store)
    bounds = record.recipe.filter
    picked = pick_crops(allowed, bounds, request.pick, request.limit, workspace)
    picked = with_known(picked, allowed, bounds, workspace) if picked else picked
    made_from = request.made_from or record.run_id
    # What a person corrected helps with the neighbouring frames.
    proposals = propose_masks(picked, allowed, record.outcomes, workspace)
    order = plan_order(picked, made_from, request.kind, now, workspace, proposals)
    if not dry_run:
        write_order(order, picked, request.folder, workspace, proposals)
    return order


def _read(made_from: str, workspace: Workspace, store: str) -> tuple[RunRecord, Sequence[RunCrop]]:
    """Return the run that is meant and its crops; of a version those that it published."""
    if "@" not in made_from:
        record = load_run(workspace, made_from or None)
        return record, read_run_crops(record, workspace).crops
    commit = open_registry(store).resolve(made_from)
    record = find_publishing_run(commit.name, commit.version, workspace)
    return record, read_run_crops(record, workspace).of("keep")


class Receipt(NamedTuple):
    """The work order that a delivery answers, and what became of each file."""

    order: Order
    outcomes: list[Outcome]

    @property
    def n_new(self) -> int:
        """How many masks were corrected or confirmed by this delivery."""
        return sum(outcome.result in ("corrected", "confirmed") for outcome in self.outcomes)

    @property
    def n_refused(self) -> int:
        """How many files were refused."""
        return sum(outcome.result == "refused" for outcome in self.outcomes)

    @property
    def summary(self) -> str:
        """How many files had which result, and what is still open."""
        counts = Counter(outcome.result for outcome in self.outcomes)
        results = ", ".join(f"{n} {result}" for result, n in counts.most_common()) or "no masks"
        n_open = len(self.order.items) - len(self.done)
        return f"{results}; {n_open} of {len(self.order.items)} samples await correction"

    @property
    def done(self) -> frozenset[str]:
        """The samples that are corrected or confirmed, now or before."""
        return samples_done(self.outcomes)


def receive(
    path: Path,
    delivered: Delivered,
    order_id: str,
    workspace: Workspace,
    *,
    dry_run: bool = False,
) -> Receipt:
    """Check what annotators sent back and store what is right; receiving twice changes nothing.

    Raises:
        InputError: there is no such delivery, or no work order that it answers.
        ArtifactError: what was sent is damaged in the workspace.
    """
    with TemporaryDirectory(prefix="matteflow-delivery-") as scratch:
        delivery = open_delivery(path, Path(scratch))
        named = order_id or delivery.order_id
        order = load_order(named, workspace) if named else None
        # Exports of tools have no manifest; their samples tell which order they answer.
        order = order or find_order(sample_names(delivery.read(None)), workspace)
        checked = check_delivery(delivery.read(order), order, delivered, workspace)
    # Nothing is written before everything is checked, and each mask is then written whole.
    if not dry_run:
        store_checked(checked, workspace)
    return Receipt(order, outcomes_of(checked))
