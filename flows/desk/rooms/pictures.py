"""Pictures, masks and findings of crops."""

from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

from flows.desk.columns import CropColumns
from flows.desk.view import Layer, Show
from flows.engine.rule_findings import list_findings
from tasks.annotate.task import (
    Outcome,
    compare_masks,
    receive_drawn,
)
from tasks.common.errors import ArtifactError, InputError
from tasks.common.media.images import Mask
from tasks.common.schema.rows import Frame, RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import (
    count_corrections,
    media_with_corrections,
)
from tasks.review.task import (
    RuleFinding,
    draw_frame,
    draw_overlay,
    draw_preview,
    draw_whole,
    read_mask_codes,
)


class Pictures:
    """Draws crops of an index, with corrected masks where people corrected them."""

    def __init__(self, index: CropColumns, workspace: Workspace):
        self._index = index
        self._workspace = workspace
        self._n_drawn: Counter[str] = Counter()
        self.refresh()

    def crop(self, crop_id: str) -> RunCrop:
        """Return the row of a crop.

        Raises:
            InputError: none of the runs has it.
        """
        row = self._index.row_of.get(crop_id)
        if row is None:
            raise InputError(f"No crop {crop_id[:80]!r} in the runs of this desk.")
        return self._index.crops([row])[0]

    def refresh(self) -> None:
        """Look again which media people corrected."""
        self._n_drawn = Counter(
            {
                media_id: count_corrections(self._workspace, [media_id])
                for media_id in media_with_corrections(self._workspace)
            }
        )

    def n_drawn(self, crop: RunCrop) -> int:
        """Return how many masks of a crop's media people drew."""
        return self._n_drawn[crop.crop.media_id]

    def corrected(self, crop: RunCrop) -> tuple[Mask, Mask, str] | None:
        """Return the machine's mask, the corrected one, and by whom; None without a correction."""
        if not self.n_drawn(crop):
            return None
        record = self._index.record_of(self._index.row_of[crop.stem])
        return compare_masks(record.outcomes, crop, self._workspace)

    def mask(self, crop: RunCrop) -> Mask:
        """Return the mask of a crop as it stands now, uint8 (H, W) of 0 and 1."""
        corrected = self.corrected(crop)
        return read_mask_codes(crop, self._workspace) if corrected is None else corrected[1]

    def preview(self, crop: RunCrop, show: Show, longer_px: int, *, machine: bool = False) -> bytes:
        """Return a crop as JPEG; `machine` shows the machine's mask although it was corrected."""
        corrected = None if show == "picture" or show == "alpha" else self.corrected(crop)
        mask = None if corrected is None else corrected[0] if machine else corrected[1]
        return draw_preview(crop, show, longer_px, self._workspace, mask)

    def whole(self, crop: RunCrop) -> bytes:
        """Return the picture of a crop as PNG, px for px."""
        return draw_whole(crop, self._workspace)

    def overlay(self, crop: RunCrop, layers: Collection[Layer], *, machine: bool = False) -> bytes:
        """Return layers of a crop as SVG."""
        corrected = self.corrected(crop) if "mask" in layers else None
        mask = None if corrected is None else corrected[0] if machine else corrected[1]
        return draw_overlay(crop, layers, self._workspace, mask)

    def frame(self, crop: RunCrop, longer_px: int) -> bytes:
        """Return the frame of a crop with the person's box as JPEG.

        Raises:
            ArtifactError: the frame is gone.
        """
        path = self.frame_path(crop)
        if path is None:
            raise ArtifactError(f"The frame of {crop.stem} is not in the workspace any more.")
        return draw_frame(path, crop.crop, longer_px, self._workspace)

    def frame_path(self, crop: RunCrop) -> str | None:
        """Return where the frame of a crop lies, or None if the run's frames are gone."""
        record = self._index.record_of(self._index.row_of[crop.stem])
        for outcome in record.outcomes:
            sampled = outcome.result("sample")
            if outcome.source.source_id == crop.source_id and sampled is not None:
                with suppress(ArtifactError):
                    for frame in self._workspace.rows(Frame, sampled):
                        if frame.frame_id == crop.crop.frame_id:
                            return frame.path
        return None

    def findings(self, crop: RunCrop) -> list[RuleFinding]:
        """Return what every rule says of a crop, by the recipe of its run."""
        record = self._index.record_of(self._index.row_of[crop.stem])
        source = record.sources_by_id[crop.source_id]
        return list_findings(crop, source, record.recipe.filter)

    def draw(self, crop: RunCrop, mask: Mask, author: str, now: datetime) -> Outcome:
        """Store a mask that somebody drew on the desk, exactly like an annotator's.

        Raises:
            InputError: it has another size than the crop, or nothing is in it.
        """
        record = self._index.record_of(self._index.row_of[crop.stem])
        drawn = receive_drawn(crop, mask, record.run_id, author, now, self._workspace)
        self._n_drawn[crop.crop.media_id] += 1
        return drawn
