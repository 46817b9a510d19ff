"""The nouns that pass the doors between rooms: small, typed, frozen, JSON all the way."""

from typing import Annotated, Literal, NewType, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FieldSerializationInfo,
    field_serializer,
)

from tasks.common.uri import redacted

SourceStage = Literal["download", "sample", "detect", "pose", "screen", "matte", "filter"]
RunStage = Literal["deduplicate", "review", "dataset", "publish"]
Stage = Literal[SourceStage, "measure", RunStage]
SOURCE_STAGES: tuple[SourceStage, ...] = get_args(SourceStage)
"""The stages of a source, in the order in which they run. The only place that says so."""

PublishMode = Literal["complete", "partial", "never"]
"""When an ingest run publishes: if every source succeeded, whatever succeeded, or not at all."""

Kind = Literal["video", "image"]
Projection = Literal["flat", "equirectangular", "fisheye", "unknown"]
Verdict = Literal["keep", "review", "drop"]

SourceId = Annotated[
    str,
    Field(
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


# For work orders alone, which another machine must be able to follow: addresses with signatures.
WHOLE_ADDRESSES = {"addresses": "whole"}


class Record(BaseModel):
    """Base of all records: frozen, and refusing what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Annotation(Record):
    """What people marked in a picture before it came here; taken over instead of a machine's matte.

    `path` is a mask on this machine, or in the workspace what a data set says of one picture.
    """

    channel: str = Field(min_length=1, description="whose it is, such as coco")
    path: str
    digest: str
    person_values: tuple[int, ...] = Field((1,), description="codes of a mask that mean person")


class Source(Record):
    """One line of a source list: where media come from and what may be done with them.

    As JSON, which is what is stored and shown, its address lacks what opens doors.
    """

    source_id: SourceId
    uri: str = Field(min_length=1)
    kind: Kind | None = None
    scenes: tuple[SceneTag, ...] = ()
    licence: str | None = None
    attribution: str | None = None
    uploader: str | None = None
    captured_with: str | None = None
    session: str | None = Field(None, description="what was shot in one go, by one crew")
    batch: str | None = Field(None, description="the collection that brought it")
    listing: str | None = Field(None, description="the community or data set that lists it")
    entry: str | None = Field(None, description="what the listing calls it")
    shared_at: str | None = Field(None, description="when it was shared, as the listing says")
    revision: str | None = Field(None, description="the listing's word for its present state")
    annotation: Annotation | None = None

    @field_serializer("uri")
    def _without_signature(self, uri: str, info: FieldSerializationInfo) -> str:
        return uri if info.context == WHOLE_ADDRESSES else redacted(uri)


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


class Drop(Record):
    """One item that did not go on, and why: stable reason word, measured value, bound, sentence."""

    item: str
    stage: Stage
    reason: str
    value: float | None = None
    bound: float | None = None
    sentence: str


class SourceDrop(Drop):
    """A drop by a stage that works on all sources of a run: it names the item's source, too."""

    source_id: str


class StageResult(Record):
    """What a task returns to Prefect: a pointer into the workspace and the account of the stage.

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


# What each stage gives to the next ones. A stage function and its key function ask for these types,
# so that mypy refuses mattes where crops belong. At run time and in Prefect's result files they
# are plain `StageResult`s.
MediaTable = NewType("MediaTable", StageResult)
FramesTable = NewType("FramesTable", StageResult)
CropsTable = NewType("CropsTable", StageResult)
PosesTable = NewType("PosesTable", StageResult)
AdmittedTable = NewType("AdmittedTable", StageResult)
MattesTable = NewType("MattesTable", StageResult)
MeasuresTable = NewType("MeasuresTable", StageResult)
VerdictsTable = NewType("VerdictsTable", StageResult)


class SourceOutcome(Record):
    """How far one source came in a run: the stages that completed, and the error if one did not."""

    source: Source
    stages: tuple[StageResult, ...] = ()
    error: str | None = None
    failed_stage: Stage | None = None

    def result(self, stage: Stage) -> StageResult | None:
        """Return the result of `stage`, or None when the source did not come that far."""
        return next((result for result in self.stages if result.stage == stage), None)

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
        """Alpha and mask of the admitted crops, by `matte`."""
        result = self.result("matte")
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
    n_copied: int = Field(validation_alias=AliasChoices("n_copied", "n_linked"))
    n_present: int
    n_left_out: int = Field(0, description="kept crops that would tie both sides, or other subsets")
