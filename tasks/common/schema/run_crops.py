"""The crops of a run as the rooms after `deduplicate` read them: rows, drops, related sources."""

from typing import NamedTuple

from tasks.common.records import SourceDrop, Verdict
from tasks.common.schema.rows import RunCrop


class RunCrops(NamedTuple):
    """The `crops` table of a run with its drops.

    `crops` are distinct and in the order of the sources. `drops` are the crops that were dropped
    only because another source has them as well.
    """

    crops: tuple[RunCrop, ...]
    drops: tuple[SourceDrop, ...]

    def of(self, verdict: Verdict) -> list[RunCrop]:
        """Return the crops with this final verdict."""
        return [crop for crop in self.crops if crop.verdict.verdict == verdict]

    def repeated_sources(self) -> dict[str, str]:
        """Return the sources without a crop of their own, with the source that had theirs first.

        If several sources had some of them, the first by name is returned.
        """
        # Dropped crops count too: such a source was judged by itself.
        has_own = {crop.source_id for crop in self.crops}
        repeated: dict[str, str] = {}
        for crop in self.crops:
            for source_id in crop.also_in:
                if source_id not in has_own:
                    first = repeated.setdefault(source_id, crop.source_id)
                    repeated[source_id] = min(first, crop.source_id)
        return repeated

    def near_sources(self) -> set[tuple[str, str]]:
        """Return the pairs of sources with near-duplicate crops.

        Such a crop is dropped or for review, so the kept crops alone do not show the relation.
        """
        return {
            (crop.source_id, crop.near_source_id)
            for crop in self.crops
            if crop.near_source_id is not None and crop.near_source_id != crop.source_id
        }
