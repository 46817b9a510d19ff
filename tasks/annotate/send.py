"""Write a work order: pictures and masks in the form of a tool, instructions, the manifest."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from types import MappingProxyType

from tasks.annotate.instruction import render_instruction
from tasks.annotate.order import (
    MANIFEST,
    Format,
    Order,
    OrderItem,
    encode_order,
    save_order,
    without_checks_named,
)
from tasks.annotate.pick import Picked
from tasks.annotate.propagate import Proposal
from tasks.annotate.routes.delivery import WRITERS
from tasks.annotate.routes.returned import Outgoing
from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError, InputError
from tasks.common.files import digest_bytes
from tasks.common.media.images import encode_png, read_grey, read_rgb
from tasks.common.schema.channels import machine_channel
from tasks.common.schema.rows import Matte
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import write_mask

INSTRUCTION = "instructions.html"
_ID_LENGTH = 12


def plan_order(
    picked: Sequence[Picked],
    made_from: str,
    kind: Format,
    now: datetime,
    workspace: Workspace,
    proposals: Mapping[str, Proposal] = MappingProxyType({}),
) -> Order:
    """Return the work order of these crops; nothing is written. `proposals` are by sample.

    Raises:
        InputError: there are none.
        ArtifactError: a picture or mask is not what the run made.
    """
    if not picked:
        raise InputError(
            "No sample is left to send. `--pick uncertain` also takes kept samples, `--pick all` "
            "every sample with a mask."
        )
    items = tuple(_item(entry, proposals.get(entry.crop.stem), workspace) for entry in picked)
    # Masks, not the run: the same samples with newer masks are another order.
    parts = [
        [item.sample, item.picture_digest, item.mask_digest, item.shown_digest, item.is_check]
        for item in items
    ]
    name = content_key("order", kind, parts)[:_ID_LENGTH]
    return Order(order=name, made_from=made_from, format=kind, sent_at=now, items=items)


def _item(entry: Picked, proposal: Proposal | None, workspace: Workspace) -> OrderItem:
    crop, matte = entry.crop.crop, _matte_of(entry)
    for path, digest in ((crop.path, crop.digest), (matte.mask_path, matte.mask_digest)):
        if not workspace.is_whole(path, digest):
            raise ArtifactError(f"{path} changed since the run made it; run the ingest again.")
    box, verdict = crop.crop_box_xyxy, entry.crop.verdict
    return OrderItem(
        sample=entry.crop.stem,
        source_id=entry.crop.source_id,
        media_id=crop.media_id,
        time_s=crop.time_s,
        frame_size_wh=crop.frame_size_wh,
        projection=crop.projection,
        region_xyxy=box.xyxy,
        person_xyxy=crop.person_box_xyxy.xyxy,
        size_wh=(int(box.width), int(box.height)),
        picture_path=crop.path,
        picture_digest=crop.digest,
        mask_digest=digest_bytes(mask_png(matte, workspace)),
        channel=matte.channel or machine_channel(matte.model),
        verdict=verdict.verdict,
        reason=verdict.reason or "",
        sentence=verdict.sentence or "",
        margin=entry.margin,
        p_good=verdict.measures.get("trust"),
        track=entry.track,
        n_in_track=entry.n_in_track,
        shown_digest=proposal and digest_bytes(encode_png(proposal.mask)),
        shown_from=proposal and proposal.origin,
        shown_trust=proposal and proposal.trust,
        is_check=entry.is_check,
    )


def _matte_of(entry: Picked) -> Matte:
    if entry.crop.matte is None:
        raise ArtifactError(f"{entry.crop.stem} has no mask; run the ingest again.")
    return entry.crop.matte


def mask_png(matte: Matte, workspace: Workspace) -> bytes:
    """Return the PNG of a mask as it is sent and kept."""
    # Encoded again: the bytes of one mask are the same, whatever program wrote the artifact.
    return encode_png(read_grey(workspace.path(matte.mask_path)))


def write_order(
    order: Order,
    picked: Sequence[Picked],
    folder: Path,
    workspace: Workspace,
    proposals: Mapping[str, Proposal] = MappingProxyType({}),
) -> None:
    """Write a work order into a new folder, in one step, and keep its masks in the workspace.

    Raises:
        InputError: the folder has files already, or cannot be written.
    """
    require_empty(folder)
    pairs = list(zip(order.items, picked, strict=True))
    # The workspace first: an order that went out can be received, whatever happens to the folder.
    for item, entry in pairs:
        png = mask_png(_matte_of(entry), workspace)
        write_mask(workspace, item.media_id, item.mask_digest, png)
        proposal = proposals.get(item.sample)
        if proposal is not None and item.shown_digest is not None:
            shown = encode_png(proposal.mask)
            write_mask(workspace, item.media_id, item.shown_digest, shown)
    save_order(order, workspace)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            outgoing = [
                _outgoing(item, entry, proposals.get(item.sample), workspace)
                for item, entry in pairs
            ]
            _write_files(order, outgoing, temporary)
            temporary.chmod(0o755)  # mkdtemp's folder is for its owner alone
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror or error}); name another with --to."
        ) from error


def require_empty(folder: Path) -> None:
    """Require that a folder is new or empty: annotators may have worked in it.

    Raises:
        InputError: it is neither.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} is there already and may hold annotators' work; name a new folder with --to."
        )


def _outgoing(
    item: OrderItem, entry: Picked, proposal: Proposal | None, workspace: Workspace
) -> Outgoing:
    path = workspace.path(item.picture_path)
    machine = read_grey(workspace.path(_matte_of(entry).mask_path))
    mask = machine if proposal is None else proposal.mask
    return Outgoing(item.sample, path.read_bytes(), read_rgb(path), mask, item.picture_digest)


def _write_files(order: Order, outgoing: Sequence[Outgoing], folder: Path) -> None:
    WRITERS[order.format](outgoing, folder)
    (folder / INSTRUCTION).write_text(render_instruction(order, outgoing), encoding="utf-8")
    (folder / MANIFEST).write_bytes(encode_order(without_checks_named(order)))
