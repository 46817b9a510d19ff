"""The bounds that a recipe sets for each rule: drop outside, review in the band, keep inside."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.common.records import Record, Verdict

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Pixels = Annotated[float, Field(ge=0.0, le=100_000.0)]
Energy = Annotated[float, Field(ge=0.0, le=10.0)]


class Bounds(Record):
    """Outside `min`..`max` drops; inside but outside `review_min`..`review_max` is for review.

    `missing` says what becomes of a crop on which the rule cannot be measured.
    """

    min: float | None = None
    max: float | None = None
    review_min: float | None = None
    review_max: float | None = None
    missing: Verdict = "drop"

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        order = [self.min, self.review_min, self.review_max, self.max]
        given = [bound for bound in order if bound is not None]
        if given != sorted(given):
            raise ValueError("bounds must rise in the order min, review_min, review_max, max")
        if not given:
            raise ValueError("at least one of min, max, review_min, review_max is needed")
        return self


class ShareBounds(Bounds):
    """Bounds of a rule that measures a share, 0..1."""

    min: Share | None = None
    max: Share | None = None
    review_min: Share | None = None
    review_max: Share | None = None


class PixelBounds(Bounds):
    """Bounds of a rule that measures a length in pixels."""

    min: Pixels | None = None
    max: Pixels | None = None
    review_min: Pixels | None = None
    review_max: Pixels | None = None


class EnergyBounds(Bounds):
    """Bounds of a rule that measures a gradient energy."""

    min: Energy | None = None
    max: Energy | None = None
    review_min: Energy | None = None
    review_max: Energy | None = None


class TagBounds(Record):
    """Scene tags whose pictures are left out, as the requirement document lists them."""

    tags: tuple[str, ...] = Field(min_length=1)
    missing: Literal["keep", "review", "drop"] = "keep"


class RuleBounds(Record):
    """One entry per rule; a rule without an entry is measured and decides nothing."""

    excluded_scene: TagBounds | None = None
    person_height_px: PixelBounds | None = None
    detector_confidence: ShareBounds | None = None
    frame_cut: ShareBounds | None = None
    person_overlap: ShareBounds | None = None
    sharpness: EnergyBounds | None = None
    subject_share: ShareBounds | None = None
    frame_cut_mask: ShareBounds | None = None
    person_overlap_mask: ShareBounds | None = None
    mask_whole: ShareBounds | None = None
