"""Hidden known masks: samples that were corrected go out again, as they went out then."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tasks.annotate.pick import Picked, mask_margin
from tasks.annotate.place import place_corrections
from tasks.common.digests import content_key
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.schema.channels import is_disputed, machine_channel
from tasks.common.schema.rows import RunCrop
from tasks.common.similarity.tracks import find_tracks
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import (
    Correction,
    applied,
    mask_path,
    read_corrections,
)

# One in 20: an annotator who is off is then found within 20 masks. Three in a hundred would not do.
_ONE_IN = 20
_HASH_DIGITS = 8


def with_known(
    picked: Sequence[Picked],
    crops: Sequence[RunCrop],
    bounds: RuleBounds,
    workspace: Workspace,
) -> list[Picked]:
    """Return what is sent, with a hidden known mask for each 20 others, if there are any.

    Which ones and where follows from the samples, so that the same request is the same order.
    """
    own = {entry.crop.stem for entry in picked}
    known = [entry for entry in _known(crops, bounds, workspace) if entry.crop.stem not in own]
    known.sort(key=lambda entry: _hash(entry, len(picked)))
    mixed = list(picked)
    for entry in known[: -(-len(picked) // _ONE_IN)]:
        # Anywhere: at the end or in front annotators would learn to tell them.
        mixed.insert(_hash(entry, len(mixed)) % (len(mixed) + 1), entry)
    return mixed


def _known(crops: Sequence[RunCrop], bounds: RuleBounds, workspace: Workspace) -> list[Picked]:
    matted = [crop for crop in crops if crop.matte and not is_disputed(crop.matte.channel)]
    by_stem = {crop.stem: crop for crop in matted}
    rows = [crop.crop for crop in matted]
    tracks = find_tracks(rows)
    sizes = Counter(tracks.values())
    known = []
    for media_id in sorted({row.media_id for row in rows}):
        corrections = applied(read_corrections(workspace, media_id))
        for stem, own in place_corrections(rows, corrections).by_crop.items():
            first = own[0]
            # With the same picture only, so that the known mask fits without moving it.
            if first.picture_digest == by_stem[stem].crop.digest:
                crop, track = _as_sent(by_stem[stem], first), tracks[stem]
                margin = mask_margin(crop, bounds)
                known.append(Picked(crop, margin, track, sizes[track], is_check=True))
    return known


def _as_sent(crop: RunCrop, correction: Correction) -> RunCrop:
    """Return a crop with the machine mask that its annotator was sent."""
    if crop.matte is None:
        raise ValueError(f"{crop.stem} has no mask")
    path = mask_path(correction.media_id, correction.base_digest)
    channel = machine_channel(crop.matte.model)
    matte = replace(crop.matte, mask_path=path, mask_digest=correction.base_digest, channel=channel)
    return replace(crop, matte=matte)


def _hash(entry: Picked, salt: int) -> int:
    return int(content_key("known", entry.crop.stem, salt)[:_HASH_DIGITS], 16)
