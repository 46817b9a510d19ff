"""The records that rooms exchange: small, typed, frozen, and JSON throughout.

Module and class names stay as they are: Prefect's stored results name `tasks.common.records`.
"""

from typing import Annotated, Any, Literal, NewType, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FieldSerializationInfo,
    SerializerFunctionWrapHandler,
    field_serializer,
    model_serializer,
)

from tasks.common.uri import stored

SourceStage = Literal[
    "download", "sample", "detect", "pose", "screen", "matte", "correct", "filter"
]
RunStage = Literal["deduplicate", "review", "dataset", "publish"]
Stage = Literal[SourceStage, "measure", RunStage]
SOURCE_STAGES: tuple[SourceStage, ...] = get_args(SourceStage)
"""The stages of a source, in the order in which they run. No other place defines it."""

PublishMode = Literal["complete", "partial", "never"]
"""When an ingest run publishes: if every source succeeded, whatever succeeded, or not at all."""

Kind = Literal["video", "image"]
DeclaredProjection = Literal[
    "flat",
    "equirectangular",
    "stereo-top-bottom",
    "stereo-left-right",
    "fisheye",
    "fisheye-pair",
    "cubemap",
]
"""How a picture shows directions, as a source list may say it; stereo: two equirectangular eyes."""
# `unknown` stands in tables of older programs, for videos that may be spheres.
Projection = Literal[DeclaredProjection, "unknown"]
Verdict = Literal["keep", "review", "drop"]

SourceId = Annotated[
    str,
    Field(
        # Ids are parts of file names and S3 keys on every system, hence so few characters.
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="1 to 100 of letters, digits, dot, dash, underscore; starts with a letter "
        "or digit",
    ),
]


SceneTag = Annotated[
    str,
    Field(
        pattern=r"^\w[\w .&-]{0,79}$",
        description="1 to 80 letters of any script, digits, spaces, dots, dashes",
    ),
]


# The serialization context of batch files only: another machine has to fetch from these URIs, so
# they keep their signatures.
WHOLE_ADDRESSES = {"addresses": "whole"}


class Record(BaseModel):
    """Base of all records: frozen; unknown keys, NaN and infinity are refused."""

    # Forbid: a misspelt key of a recipe or list would otherwise be ignored silently. NaN compares
    # as false with every bound and is no JSON.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Annotation(Record):
    """An annotation that came with a picture; it is used instead of a model's matte.

    `path` is relative to the workspace: a mask (`.png`), or the COCO annotations of the picture
    (`.json`).
    """

    channel: str = Field(min_length=1, description="whose it is, such as coco")
    path: str
    digest: str
    person_values: tuple[int, ...] = Field((1,), description="codes of a mask that mean person")


class Source(Record):
    """One line of a source list: where media come from and what may be done with them.

    Its JSON, which is stored and displayed, has the redacted URI: no credentials, no signature. A
    digest stands for what was cut off, so that the address is still the same one.
    """

    source_id: SourceId
    uri: str = Field(min_length=1)
    kind: Kind | None = None
    scenes: tuple[SceneTag, ...] = ()
    licence: str | None = None
    attribution: str | None = None
    uploader: str | None = None
    captured_with: str | None = None
    projection: DeclaredProjection | None = Field(
        None, description="how the picture shows directions; None: found out from the content"
    )
    session: str | None = Field(None, description="what was shot in one go, by one crew")
    batch: str | None = Field(None, description="the collection that brought it")
    listing: str | None = Field(None, description="the community or data set that lists it")
    entry: str | None = Field(None, description="what the listing calls it")
    shared_at: str | None = Field(None, description="when it was shared, as the listing says")
    revision: str | None = Field(None, description="the listing's word for its present state")
    annotation: Annotation | None = None

    @model_serializer(mode="wrap")
    def _without_absent_projection(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave `projection` out where it is not given: older keys were made without it."""
        values: dict[str, Any] = plain(self)
        if values.get("projection") is None:
            values.pop("projection", None)
        return values

    @field_serializer("uri")
    def _without_signature(self, uri: str, info: FieldSerializationInfo) -> str:
        # Redacted unless asked otherwise: forgetting the context leaks nothing.
        return uri if info.context == WHOLE_ADDRESSES else stored(uri)


class Media(Record):
    """A downloaded source: `media_id` is the sha256 of its bytes, `path` lies in the workspace.

    Sizes are of the picture as shown: after rotation, with square pixels.
    """

    media_id: str
    path: str
    size_bytes: int
    kind: Kind
    codec: str
    width_px: int
    height_px: int
    frame_rate: str | None = Field(description="frames a second as a fraction, such as 30000/1001")
    duration_s: float | None
    rotation_deg: int
    projection: Projection
    captured_with: str | None = Field(None, description="the camera's own word, in the file")


class Drop(Record):
    """A dropped item with a stable reason word, the measured value, the bound and a sentence."""

    item: str
    stage: Stage
    reason: str
    value: float | None = None
    bound: float | None = None
    sentence: str


class SourceDrop(Drop):
    """A drop by a stage that works on all sources of a run; it also names the item's source."""

    source_id: str


class StageResult(Record):
    """What a task returns to Prefect: a pointer into the workspace and the counts of the stage.

    `key` names the artifact by its inputs; `digest` names what came out, and is what later
    stages put into their own keys. `n_in == n_kept + n_dropped` counts the stage's input items.
    """

    stage: Stage
    key: str
    digest: str
    n_in: int
    n_kept: int
    n_dropped: int
    n_out: int = Field(description="items handed on, such as the crops of the kept frames")


# The outputs of the stages. Stage functions and key functions take these types, so that mypy
# rejects mattes where crops belong. At run time and in Prefect's result files they are plain
# `StageResult`s.
MediaTable = NewType("MediaTable", StageResult)
FramesTable = NewType("FramesTable", StageResult)
CropsTable = NewType("CropsTable", StageResult)
PosesTable = NewType("PosesTable", StageResult)
AdmittedTable = NewType("AdmittedTable", StageResult)
MattesTable = NewType("MattesTable", StageResult)
MeasuresTable = NewType("MeasuresTable", StageResult)
VerdictsTable = NewType("VerdictsTable", StageResult)


class SourceOutcome(Record):
    """The stages that one source completed in a run, and the error of the stage that failed."""

    source: Source
    stages: tuple[StageResult, ...] = ()
    error: str | None = None
    failed_stage: Stage | None = None

    def result(self, stage: Stage) -> StageResult | None:
        """Return the result of `stage`, or None if the source did not complete it."""
        return next((result for result in self.stages if result.stage == stage), None)

    @property
    def media(self) -> MediaTable | None:
        """The file of the source, by `download`."""
        result = self.result("download")
        return None if result is None else MediaTable(result)

    @property
    def crops(self) -> CropsTable | None:
        """The people of the source, by `detect`."""
        result = self.result("detect")
        return None if result is None else CropsTable(result)

    @property
    def poses(self) -> PosesTable | None:
        """Their poses; None also where the recipe names no pose model."""
        result = self.result("pose")
        return None if result is None else PosesTable(result)

    @property
    def admitted(self) -> AdmittedTable | None:
        """The crops worth matting, by `screen`."""
        result = self.result("screen")
        return None if result is None else AdmittedTable(result)

    @property
    def mattes(self) -> MattesTable | None:
        """Alpha and mask of the admitted crops, by `correct` where people corrected some."""
        result = self.result("correct") or self.result("matte")
        return None if result is None else MattesTable(result)

    @property
    def verdicts(self) -> VerdictsTable | None:
        """The verdict on each crop, by `filter`."""
        result = self.result("filter")
        return None if result is None else VerdictsTable(result)


class Publication(Record):
    """A committed version of a subset in the object store."""

    name: str
    version: int
    tree_id: str
    url: str
    is_new: bool
    n_samples: int
    n_train: int
    n_val: int
    n_files: int
    n_bytes: int
    n_uploaded: int
    # Runs recorded by older versions have the former name.
    n_copied: int = Field(validation_alias=AliasChoices("n_copied", "n_linked"))
    n_present: int
    n_left_out: int = Field(
        0, description="kept crops that would connect both splits, or other subsets"
    )
    n_carried: int = Field(0, description="samples that are those of the base version, unjudged")
    n_uncorrected: int = Field(0, description="carried samples whose corrections are not applied")
