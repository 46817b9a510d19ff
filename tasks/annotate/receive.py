"""Take corrected masks back: each is checked, then all that pass are stored."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np

from tasks.annotate.check import Sent, problem_of
from tasks.annotate.order import Order, OrderItem
from tasks.annotate.polygon_edits import edits_of_polygon, polygon_loss
from tasks.annotate.routes.returned import Returned
from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.media.images import Mask, Rgb, encode_png, read_rgb
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import (
    Correction,
    append_correction,
    read_corrections,
    read_mask,
)

Result = Literal["corrected", "confirmed", "unchanged", "known", "refused"]


@dataclass(frozen=True)
class Delivered:
    """Who brought a delivery and when; `minutes` is the working time for all of it, if known."""

    annotator: str
    received_at: datetime
    channel: str = ""
    minutes: float | None = None
    confirm: bool = False


class Outcome(NamedTuple):
    """What became of one file of a delivery, with a sentence."""

    file: str
    sample: str
    result: Result
    sentence: str
    n_added: int = 0
    n_removed: int = 0


class Checked(NamedTuple):
    """The outcome of a file, and the correction that has to be stored, with its mask as PNG."""

    outcome: Outcome
    correction: Correction | None = None
    png: bytes = b""


def check_delivery(
    entries: Iterable[tuple[str, Returned]],
    order: Order,
    delivered: Delivered,
    workspace: Workspace,
) -> list[Checked]:
    """Check every sample of a delivery against its work order; nothing is written."""
    routed = list(entries)
    sent = _read_sent(order, {returned.sample for _, returned in routed}, workspace)
    counts = Counter(returned.sample for _, returned in routed)
    checked = []
    for route, returned in routed:
        if counts[returned.sample] > 1 and returned.sample in sent:
            problem = f"is one of {counts[returned.sample]} files for {returned.sample}; keep one."
        else:
            problem = problem_of(returned, sent)
        if problem:
            checked.append(_refuse(returned, problem))
        else:
            own = sent[returned.sample]
            checked.append(_compare(route, returned, own, order, delivered, workspace))
    return _with_minutes(checked, delivered)


def store_checked(checked: Sequence[Checked], workspace: Workspace) -> None:
    """Store the corrections of a checked delivery, each whole; known ones stay as they are."""
    for entry in checked:
        if entry.correction is not None:
            append_correction(workspace, entry.correction, entry.png)


def outcomes_of(checked: Iterable[Checked]) -> list[Outcome]:
    """Return what became of each file."""
    return [entry.outcome for entry in checked]


def samples_done(outcomes: Iterable[Outcome]) -> frozenset[str]:
    """Return the samples that are corrected or confirmed, now or before."""
    done = ("corrected", "confirmed", "known")
    return frozenset(outcome.sample for outcome in outcomes if outcome.result in done)


def _read_sent(order: Order, samples: set[str], workspace: Workspace) -> dict[str, Sent]:
    """Read what was sent of all samples: a mask may turn out to be that of another one."""
    sent = {}
    for item in order.items:
        digest = item.shown_digest or item.mask_digest
        shown = read_mask(workspace, item.media_id, digest)
        needs_picture = item.sample in samples
        sent[item.sample] = Sent(item, shown, _picture(item, workspace) if needs_picture else None)
    return sent


def _picture(item: OrderItem, workspace: Workspace) -> Rgb | None:
    if not workspace.is_whole(item.picture_path, item.picture_digest):
        return None  # the run's artifacts may be deleted by now; the mask's base is kept
    return read_rgb(workspace.path(item.picture_path))


def _refuse(returned: Returned, problem: str) -> Checked:
    return Checked(
        Outcome(returned.file, returned.sample, "refused", f"{_name(returned)} {problem}")
    )


def _name(returned: Returned) -> str:
    """Return how sentences call a sample: by its file and, in an export of many, by its id."""
    in_name = returned.sample in returned.file
    return returned.file if in_name else f"{returned.file}: {returned.sample}"


def _compare(
    route: str,
    returned: Returned,
    own: Sent,
    order: Order,
    delivered: Delivered,
    workspace: Workspace,
) -> Checked:
    """Return the outcome of a mask that belongs to the order."""
    if returned.mask is None:
        raise ArtifactError(f"{returned.file} was accepted without a mask.")
    drawn = returned.mask
    if returned.is_polygon:
        returned = returned._replace(mask=edits_of_polygon(drawn, own.shown))
    correction, png = _correction(route, returned, own.item, order, delivered)
    known = read_corrections(workspace, own.item.media_id)
    came = np.asarray(returned.mask)
    n_added = int(np.count_nonzero((came == 1) & (own.shown == 0)))
    n_removed = int(np.count_nonzero((came == 0) & (own.shown == 1)))

    def outcome(result: Result, sentence: str) -> Outcome:
        text = f"{_name(returned)} {sentence}"
        return Outcome(returned.file, returned.sample, result, text, n_added, n_removed)

    if any(record.id == correction.id for record in known):
        return Checked(outcome("known", "was received before; nothing changes."))
    if n_added + n_removed == 0 and not _replaces(correction, known):
        if not delivered.confirm:
            kind = "proposal" if own.item.shown_digest else "mask"
            sentence = f"is the {kind} that was sent; with --confirm it counts as checked."
            return Checked(outcome("unchanged", sentence))
        return Checked(outcome("confirmed", "was checked and is right."), correction, png)
    note = _polygon_note(drawn, own.shown) if returned.is_polygon else ""
    sentence = f"adds {n_added} px and removes {n_removed} px.{note}"
    return Checked(outcome("corrected", sentence), correction, png)


def _replaces(correction: Correction, known: Sequence[Correction]) -> bool:
    """Say whether the same person sent another mask for the same sent one before.

    Then an unchanged mask takes that back.
    """
    return any(
        (record.annotator, record.base_digest) == (correction.annotator, correction.base_digest)
        for record in known
    )


def _polygon_note(mask: Mask, base: Mask) -> str:
    return (
        " It is a polygon, which loses fine outlines: one of as many corners around the sent mask "
        f"loses {polygon_loss(base, mask):.3f} IoU."
    )


def _correction(
    route: str, returned: Returned, item: OrderItem, order: Order, delivered: Delivered
) -> tuple[Correction, bytes]:
    png = encode_png(np.asarray(returned.mask, np.uint8))
    return (
        Correction(
            media_id=item.media_id,
            time_s=item.time_s,
            frame_size_wh=item.frame_size_wh,
            projection=item.projection,
            region_xyxy=item.region_xyxy,
            person_xyxy=item.person_xyxy,
            sample=item.sample,
            picture_digest=item.picture_digest,
            base_digest=item.mask_digest,
            mask_digest=digest_bytes(png),
            annotator=delivered.annotator,
            channel=delivered.channel or route,
            order=order.order,
            received_at=delivered.received_at,
            minutes=returned.minutes,
            is_polygon=returned.is_polygon,
            is_check=item.is_check,
            p_good=item.p_good,
        ),
        png,
    )


def _with_minutes(checked: list[Checked], delivered: Delivered) -> list[Checked]:
    """Divide the working time of a delivery among its corrections that have none of their own."""
    untimed = [c for c in checked if c.correction is not None and c.correction.minutes is None]
    if delivered.minutes is None or not untimed:
        return checked
    share = {"minutes": round(delivered.minutes / len(untimed), 2)}
    return [
        entry._replace(correction=entry.correction.model_copy(update=share))
        if entry.correction is not None and entry.correction.minutes is None
        else entry
        for entry in checked
    ]
