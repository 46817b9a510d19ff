"""Carry a corrected mask along its track: a proposal for the annotator of a neighbouring frame.

A proposal is what an annotator is shown instead of the machine's mask. It is not stored as a
correction: only what comes back is a person's work.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.annotate.apply import correct_mask
from tasks.annotate.pick import Picked
from tasks.annotate.place import place_corrections
from tasks.common.media.images import Mask, Rgb, read_grey, read_rgb
from tasks.common.records import SourceOutcome
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Frame, RunCrop
from tasks.common.similarity.tracks import find_tracks
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import applied, read_corrections

MAX_GAP_S = 0.5
_MIN_TRUST = 0.5  # below it the machine's mask is the better start
_PAD_PX = 32  # around both crops: a limb may move out of one
_SAME_PLACE_PX = 2.0  # of a point that is followed there and back
_SAME_GREY = 25.0
_BAND_PX = 7
_HALF = 0.5

Flow = NDArray[np.float32]


class Proposal(NamedTuple):
    """A mask (H, W) of the crop, its trust 0..1, and the corrected sample that it comes from."""

    mask: Mask
    trust: float
    origin: str


class Seen(NamedTuple):
    """A corrected crop: its mask of 0 and 1, the frame's pixels, its box in the frame."""

    sample: str
    time_s: float
    mask: Mask
    frame: Rgb
    box: Box


def propose_masks(
    picked: Sequence[Picked],
    crops: Sequence[RunCrop],
    outcomes: Iterable[SourceOutcome],
    workspace: Workspace,
) -> dict[str, Proposal]:
    """Return proposals for what is sent, by sample: from the nearest corrected frame of its track.

    Hidden known masks go out as they did before, so they have none.
    """
    matted = [crop for crop in crops if crop.matte is not None]
    done = _corrected(matted, workspace)
    if not done:
        return {}
    tracks, frames = find_tracks(crop.crop for crop in matted), _frame_paths(outcomes, workspace)
    proposals = {}
    for entry in (entry for entry in picked if not entry.is_check):
        crop = entry.crop.crop
        neighbours = [
            stem for stem in done if tracks[stem] == tracks[crop.crop_id] and stem != crop.crop_id
        ]
        nearest = min(
            neighbours, key=lambda s: abs(done[s].crop.time_s - crop.time_s), default=None
        )
        if nearest is None or abs(done[nearest].crop.time_s - crop.time_s) > MAX_GAP_S:
            continue
        proposal = _propose(done[nearest], entry.crop, frames, workspace)
        if proposal is not None and proposal.trust >= _MIN_TRUST:
            proposals[crop.crop_id] = proposal
    return proposals


def _corrected(crops: Sequence[RunCrop], workspace: Workspace) -> dict[str, RunCrop]:
    rows = {crop.stem: crop for crop in crops}
    stems: set[str] = set()
    for media_id in sorted({crop.crop.media_id for crop in crops}):
        corrections = applied(read_corrections(workspace, media_id))
        stems |= place_corrections([c.crop for c in crops], corrections).by_crop.keys()
    return {stem: rows[stem] for stem in sorted(stems)}


def _frame_paths(outcomes: Iterable[SourceOutcome], workspace: Workspace) -> dict[str, str]:
    results = [outcome.result("sample") for outcome in outcomes]
    tables = [workspace.rows(Frame, result) for result in results if result is not None]
    return {frame.frame_id: frame.path for frames in tables for frame in frames}


def _propose(
    origin: RunCrop, target: RunCrop, frames: Mapping[str, str], workspace: Workspace
) -> Proposal | None:
    paths = [frames.get(crop.crop.frame_id) for crop in (origin, target)]
    # Views of a sphere have no place in the frame as it is stored.
    has_views = origin.crop.view is not None or target.crop.view is not None
    if origin.matte is None or has_views or None in paths:
        return None
    before, after = (read_rgb(workspace.path(str(path))) for path in paths)
    corrections = applied(read_corrections(workspace, origin.crop.media_id))
    own = place_corrections([origin.crop], corrections).by_crop.get(origin.stem, [])
    machine = read_grey(workspace.path(origin.matte.mask_path))
    mask = correct_mask(machine, origin.crop, own, workspace).mask
    seen = Seen(origin.stem, origin.crop.time_s, mask, before, origin.crop.crop_box_xyxy)
    return carry(seen, after, target.crop.crop_box_xyxy)


def carry(seen: Seen, frame: Rgb, box: Box) -> Proposal:
    """Carry a mask into another frame by dense optical flow (DIS; Kroeger et al., ECCV 2016).

    `box` is the target's crop in px of the frame. Trust is the share of the mask and of a band
    around it that can be followed there and back to within two pixels and looks the same there.
    """
    height, width = frame.shape[:2]
    around = Box(
        min(seen.box.x0, box.x0), min(seen.box.y0, box.y0), max(seen.box.x1, box.x1),
        max(seen.box.y1, box.y1),
    ).pad(_PAD_PX).clip((width, height))  # fmt: skip
    before, after = (_grey(picture[around.slices]) for picture in (seen.frame, frame))
    back, forth = _flow(after, before), _flow(before, after)
    mask = np.zeros(before.shape, np.float32)
    mask[seen.box.within(around).slices] = seen.mask == 1
    carried = (_warp(mask, back) >= _HALF).astype(np.uint8)
    # Followed back, then forth again: a point that was hidden comes out elsewhere.
    there_and_back = back + np.dstack([_warp(forth[..., axis], back) for axis in (0, 1)])
    is_followed = np.linalg.norm(there_and_back, axis=2) <= _SAME_PLACE_PX
    looks_same = np.abs(_warp(before.astype(np.float32), back) - after) <= _SAME_GREY
    near = cv2.dilate(carried, np.ones((_BAND_PX, _BAND_PX), np.uint8)) == 1
    trust = float((is_followed & looks_same)[near].mean()) if near.any() else 0.0
    inside = np.ascontiguousarray(carried[box.within(around).slices])
    return Proposal(inside, round(trust, 4), seen.sample)


def _grey(rgb: Rgb) -> NDArray[np.uint8]:
    return cast("NDArray[np.uint8]", cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def _flow(start: NDArray[np.uint8], end: NDArray[np.uint8]) -> Flow:
    """Return the step of each pixel of `start` to its place in `end`, float32 (H, W, 2)."""
    # The stubs of OpenCV 5 lack this class.
    flow = cv2.DISOpticalFlow_create(cv2.DISOpticalFlow_PRESET_MEDIUM)  # type: ignore[attr-defined]
    return cast(Flow, flow.calc(start, end, None))


def _warp(values: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """Return for each pixel the value at the place that its flow leads to; 0 beyond the border."""
    height, width = values.shape
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    return cast(
        "NDArray[np.float32]",
        cv2.remap(
            np.ascontiguousarray(values), xs + flow[..., 0], ys + flow[..., 1], cv2.INTER_LINEAR
        ),
    )
