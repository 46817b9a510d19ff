"""The crops of a run as dicts, for the dataset room until it reads typed rows."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Source, SourceOutcome, StageResult, Verdict
from tasks.common.schema.columns import encode_row
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.run_crops import RunCrops
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.stage import reuse_or_deduplicate

Row = dict[str, Any]


class Judged(NamedTuple):
    """One crop with everything that the stages found out about it."""

    source: Source
    crop: Row
    matte: Row | None
    verdict: Row
    row: RunCrop

    @property
    def stem(self) -> str:
        """The name of image and mask without suffix: media, time, number of the person."""
        return self.row.stem

    @property
    def box_in_crop(self) -> tuple[int, int, int, int] | None:
        """What is published of the crop, in whole px of the crop."""
        if self.row.published_box is None:
            return None
        x0, y0, x1, y1 = map(int, self.row.published_box.xyxy)
        return x0, y0, x1, y1


class Subset:
    """The crops of all sources that came through, once each, with their last verdicts."""

    def __init__(self, outcomes: Sequence[SourceOutcome], workspace: Workspace, bounds: RuleBounds):
        self.outcomes = tuple(outcomes)
        self.workspace = workspace
        self.bounds = bounds

    @cached_property
    def result(self) -> StageResult:
        """The artifact of `deduplicate`."""
        return reuse_or_deduplicate(self.outcomes, self.bounds, self.workspace)

    @cached_property
    def run(self) -> RunCrops:
        """The rows and drops of the artifact."""
        return self.workspace.run_crops(self.result)

    def crops(self, verdict: Verdict | None = None) -> Iterator[Judged]:
        """Yield the crops in the order of the sources, by verdict if one is given."""
        sources = {outcome.source.source_id: outcome.source for outcome in self.outcomes}
        for crop in self.run.crops:
            if verdict in (None, crop.verdict.verdict):
                matte = encode_row(crop.matte) if crop.matte else None
                verdict_row = encode_row(crop.verdict)
                source = sources[crop.source_id]
                yield Judged(source, encode_row(crop.crop), matte, verdict_row, crop)

    def verdicts(self) -> Iterator[tuple[Source, Row]]:
        """Yield the last verdict on each crop, with its source."""
        yield from ((judged.source, judged.verdict) for judged in self.crops())

    def repeated_sources(self) -> dict[str, str]:
        """Name the sources whose every crop came before, each with the source that had it first."""
        return self.run.repeated_sources()

    def repeated_pairs(self) -> set[tuple[str, str]]:
        """Name the pairs of sources of which a crop is out because one of the other is better."""
        return self.run.near_sources()
