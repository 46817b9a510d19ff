"""One dataclass per table of a stage: its fields are the columns.

A column that ends in `path` names a file of the workspace; its neighbour that ends in `digest` has
the sha256 of the bytes. Boxes are in px of the picture that a comment names. The order of the
fields is the order of the columns, and so part of the bytes that digests are made of.
"""

from dataclasses import dataclass
from typing import Annotated

from tasks.common.records import Kind, Projection, Verdict
from tasks.common.schema.boxes import Box
from tasks.common.schema.columns import SPARSE, Measures, Prefix
from tasks.common.schema.decided import Decided
from tasks.common.schema.views import View

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class MediaRow:
    """A downloaded file, by `download`; sizes are those of the upright picture with square px."""

    media_id: str
    path: str
    digest: str
    size_bytes: int
    kind: Kind
    codec: str
    width_px: int
    height_px: int
    frame_rate: str | None
    duration_s: float | None
    rotation_deg: int
    projection: Projection
    labels_path: str | None = None  # PNG of the picture's size: 0, or the number of a person
    labels_digest: str | None = None
    channel: str | None = None  # annotation source of the labels
    captured_with: Annotated[str | None, SPARSE] = None  # the camera's own word, in the file


@dataclass(frozen=True)
class Frame:
    """A sampled moment of a video, or a photo, by `sample`."""

    frame_id: str
    media_id: str
    time_s: float
    width_px: int
    height_px: int
    projection: Projection
    path: str
    digest: str
    labels_path: str | None = None  # those of the media
    labels_digest: str | None = None
    channel: str | None = None
    captured_with: Annotated[str | None, SPARSE] = None

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.width_px, self.height_px


@dataclass(frozen=True)
class Crop:
    """A detected person with context around them, by `detect`."""

    crop_id: str
    frame_id: str
    media_id: str
    time_s: float
    frame_size_wh: tuple[int, int]
    projection: Projection
    person_box_xyxy: Box  # px of the frame, as the detector gave it
    crop_box_xyxy: Box  # whole px of the frame
    confidence: float
    others_xyxy: tuple[Box, ...]  # the other people's boxes, px of the frame
    path: str
    digest: str
    # `given` is an older word for provided; stored tables have these columns.
    given_path: str | None = None  # provided mask, a PNG of 0 and 1 of the crop's size, if any
    given_digest: str | None = None
    channel: str | None = None
    captured_with: Annotated[str | None, SPARSE] = None
    # Of people in spheres: the view out of the sphere that is the frame of this crop. The picture
    # itself is flat then, and `projection` that of its source.
    view: Annotated[View | None, Prefix("view"), SPARSE] = None
    # Boxes of things that overlap the crop, px of the frame, but for what is worn; None where the
    # detector knows people only.
    objects_xyxy: Annotated[tuple[Box, ...] | None, SPARSE] = None

    @property
    def person_in_crop(self) -> Box:
        """The person's box in px of the crop."""
        return self.person_box_xyxy.within(self.crop_box_xyxy)


@dataclass(frozen=True)
class Pose:
    """The pose of a crop's person, by `pose`: COCO's 17 keypoints."""

    crop_id: str
    points_xy: Points  # px of the crop
    seen: tuple[float, ...]  # confidence that each point is in the picture and visible, 0..1
    mask_path: str | None  # the pose model's person mask, longer side at most 256 px
    mask_digest: str | None
    model: str
    model_digest: str


@dataclass(frozen=True)
class Matte:
    """Alpha and mask of a crop, by `matte`."""

    crop_id: str
    alpha_path: str
    alpha_digest: str
    mask_path: str
    mask_digest: str
    tight_box_xyxy: Box  # the part that is published, whole px of the crop
    raw_min: float
    raw_max: float
    # `model` and `model_digest` join those of fused opinions with a plus.
    second_path: str | None  # alpha of the second model; None if the recipe names none
    second_digest: str | None
    model: str
    model_digest: str
    channel: str | None  # annotation source: rembg and its model, or a data set
    # Of what was marked in the published part, the share that was not the person's and left it.
    foreign_share: float = 0.0


@dataclass(frozen=True)
class Admitted:
    """A crop that is worth matting, by `screen`."""

    crop_id: str


@dataclass(frozen=True)
class MeasuredCrop:
    """The values that the rules measured on a crop, and its perceptual hashes (16 hex digits)."""

    crop_id: str
    measures: Measures
    hash: str | None
    mirror_hash: str | None


@dataclass(frozen=True)
class JudgedCrop:
    """The verdict on a crop with all its measures, by `filter`."""

    crop_id: str
    verdict: Verdict
    reason: str | None  # the first rule with the worst verdict
    value: float | None
    bound: float | None
    sentence: str | None
    failed_rules: tuple[str, ...]  # in the order of the rules
    nearest_crop: str | None  # the better crop that near_duplicate compared with
    measures: Measures
    hash: str | None
    mirror_hash: str | None
    decided: Annotated[Decided | None, Prefix("decided"), SPARSE] = None

    @property
    def is_mask_confirmed(self) -> bool:
        """Say whether a curator looked at the mask and found it good."""
        return self.decided is not None and self.decided.good_mask_by is not None

    @property
    def measured(self) -> MeasuredCrop:
        """The measures of the crop without the verdict."""
        return MeasuredCrop(self.crop_id, self.measures, self.hash, self.mirror_hash)


@dataclass(frozen=True)
class ReviewFile:
    """A file for people, by `review`: the report, the review list, pictures."""

    name: str
    path: str
    digest: str


@dataclass(frozen=True)
class RunCrop:
    """A crop of a run with its rows of all stages, by `deduplicate`.

    `verdict` is the final one, after comparison with the crops of all other sources. If several
    sources have the same bytes, `source_id` is the first of them in the source list.
    """

    source_id: str
    crop: Annotated[Crop, Prefix("crop")]
    pose: Annotated[Pose | None, Prefix("pose")]
    matte: Annotated[Matte | None, Prefix("matte")]
    verdict: Annotated[JudgedCrop, Prefix("verdict")]
    also_in: tuple[str, ...] = ()  # later sources with the same bytes, in the order of the list
    near_source_id: str | None = (
        None  # source of the better crop that decided; None if the own filter did
    )

    @property
    def stem(self) -> str:
        """The file name of image and mask without suffix: media, time, number of the person."""
        return self.crop.crop_id

    @property
    def published_box(self) -> Box | None:
        """The part of the crop that is published, in whole px of the crop; None without a mask."""
        return self.matte.tight_box_xyxy if self.matte else None
