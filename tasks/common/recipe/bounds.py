"""The bounds that a recipe sets for each rule: drop outside, review in a band, keep inside."""

from math import ceil
from typing import Annotated, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from tasks.common.records import Record, Verdict

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Pixels = Annotated[float, Field(ge=0.0, le=100_000.0)]
Ratio = Annotated[float, Field(ge=1.0, le=100.0)]
Bits = Annotated[float, Field(ge=0.0, le=64.0)]
# Black and white differ by 100; saturated colours by up to about 260 in sRGB.
ColourDifference = Annotated[float, Field(ge=0.0, le=400.0)]


class Bounds(Record):
    """Outside `min`..`max` drops; inside but outside `review_min`..`review_max` is for review.

    `missing` is the verdict on a crop where the rule cannot be measured. `unit` is the unit of the
    measure.
    """

    unit: ClassVar[str] = ""

    min: float | None = None
    max: float | None = None
    review_min: float | None = None
    review_max: float | None = None
    # A crop that cannot be judged is not known to be good.
    missing: Verdict = "drop"

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        # Swapped bounds would silently drop every crop.
        bounds = list(self.by_name().values())
        if bounds != sorted(bounds):
            raise ValueError("bounds must rise in the order min, review_min, review_max, max")
        if not bounds:
            raise ValueError("at least one of min, max, review_min, review_max is needed")
        return self

    def by_name(self) -> dict[str, float]:
        """Return the bounds that are set, by name, in the order in which they rise."""
        order = {
            "min": self.min,
            "review_min": self.review_min,
            "review_max": self.review_max,
            "max": self.max,
        }
        return {name: bound for name, bound in order.items() if bound is not None}


class ShareBounds(Bounds):
    """Bounds of a rule that measures a share, 0..1."""

    unit: ClassVar[str] = "share"
    min: Share | None = None
    max: Share | None = None
    review_min: Share | None = None
    review_max: Share | None = None


class PixelBounds(Bounds):
    """Bounds of a rule that measures a length in pixels."""

    unit: ClassVar[str] = "px"
    min: Pixels | None = None
    max: Pixels | None = None
    review_min: Pixels | None = None
    review_max: Pixels | None = None


class RatioBounds(Bounds):
    """Bounds of a rule that measures the ratio of the longer of two lengths to the shorter."""

    unit: ClassVar[str] = "ratio"
    min: Ratio | None = None
    max: Ratio | None = None
    review_min: Ratio | None = None
    review_max: Ratio | None = None


class BitBounds(Bounds):
    """Bounds of a rule that measures the distance between 64-bit hashes; none is too large."""

    unit: ClassVar[str] = "bits"
    min: Bits | None = None
    review_min: Bits | None = None

    @field_validator("max", "review_max")
    @classmethod
    def _is_none(cls, bound: float | None) -> None:
        if bound is not None:
            raise ValueError(
                "no upper bound is possible: no picture is too different from the others"
            )

    @property
    def kept_from(self) -> int:
        """The distance, in bits, from which a picture is kept without review."""
        return ceil(max(self.min or 0.0, self.review_min or 0.0))


class ColourBounds(Bounds):
    """Bounds of a rule that measures a difference between colours (CIE 1976)."""

    unit: ClassVar[str] = "ΔE"
    min: ColourDifference | None = None
    max: ColourDifference | None = None
    review_min: ColourDifference | None = None
    review_max: ColourDifference | None = None


class TagBounds(Record):
    """Scene tags whose pictures are left out, as the requirement document lists them."""

    tags: tuple[str, ...] = Field(min_length=1)
    # Most source lists carry no tags; without one nothing speaks against a source.
    missing: Verdict = "keep"


class LicenceBounds(Record):
    """Licences whose pictures may be used: names as in the source list, `*` for any ending."""

    allowed: tuple[str, ...] = Field(min_length=1)
    missing: Verdict = "drop"


class RuleBounds(Record):
    """One entry per rule, in the order in which a first failing rule is named.

    A rule without an entry is measured but decides nothing.
    """

    excluded_scene: TagBounds | None = None
    licence: LicenceBounds | None = None
    person_height_px: PixelBounds | None = None
    detector_confidence: ShareBounds | None = None
    frame_cut: ShareBounds | None = None
    person_overlap: ShareBounds | None = None
    body_visible: ShareBounds | None = None
    upper_body_visible: ShareBounds | None = None
    occlusion: ShareBounds | None = None
    sharpness: ShareBounds | None = None
    ghosting: ShareBounds | None = None
    exposure: ShareBounds | None = None
    distortion: RatioBounds | None = None
    near_duplicate: BitBounds | None = None
    mask_whole: ShareBounds | None = None
    subject_share: ShareBounds | None = None
    frame_cut_mask: ShareBounds | None = None
    person_overlap_mask: ShareBounds | None = None
    other_people: ShareBounds | None = None
    object_overlap: ShareBounds | None = None
    contrast: ColourBounds | None = None
    mask_certainty: ShareBounds | None = None
    expected_iou: ShareBounds | None = None
    mask_agreement: ShareBounds | None = None
    keypoints_in_mask: ShareBounds | None = None
    trust: ShareBounds | None = None

    def of(self, rule: str) -> Bounds | TagBounds | LicenceBounds | None:
        """Return the bounds of a rule, or None where the recipe sets none."""
        bounds: Bounds | TagBounds | LicenceBounds | None = getattr(self, rule)
        return bounds
