"""A curator's decision: who wants what of a person in a media, and when it was said."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal, Self, get_args

from pydantic import AwareDatetime, Field, field_validator, model_validator

from tasks.common.digests import content_key
from tasks.common.records import Projection, Record, SceneTag
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import RunCrop

Action = Literal["keep", "drop", "review", "good_mask", "bad_mask", "needs_person", "scene", "undo"]
"""What a curator wants: a verdict; a word on the mask; scenes; or an earlier decision undone."""
ACTIONS: tuple[Action, ...] = get_args(Action)

VERDICT_ACTIONS = frozenset({"keep", "drop", "review"})
MASK_ACTIONS = frozenset({"good_mask", "bad_mask", "needs_person"})
_MAX_REASON = 200

Corners = tuple[float, float, float, float]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="64 hex digits")]
DecisionId = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$", description="40 hex digits")]
# One line of plain text: it is shown in tables, pages and changelogs.
Line = Annotated[str, Field(max_length=_MAX_REASON, pattern=r"^[^\x00-\x1f\x7f]*$")]
Author = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]


class PersonPlace(Record):
    """A person at a moment of a media: pixels, not a run. A later run finds them again."""

    time_s: float = Field(ge=0)
    frame_size_wh: tuple[int, int]
    projection: Projection = "flat"
    person_xyxy: Corners = Field(description="the person's box, px of the frame")
    picture_digest: Sha256 = Field(description="of the crop's picture that was shown")
    mask_digest: Sha256 | None = Field(None, description="of the mask that was shown, if any")

    @property
    def person(self) -> Box:
        """The person's box in px of the frame."""
        return Box.of(self.person_xyxy)

    @classmethod
    def of(cls, crop: RunCrop) -> Self:
        """Return the place of a crop's person."""
        row = crop.crop
        return cls(
            time_s=row.time_s,
            frame_size_wh=row.frame_size_wh,
            projection=row.projection,
            person_xyxy=row.person_box_xyxy.xyxy,
            picture_digest=row.digest,
            mask_digest=crop.matte.mask_digest if crop.matte else None,
        )


class Decision(Record):
    """One line of the decisions: it is never changed or removed, only undone by another line.

    Without a `place` it is about the whole media, which only scenes can be.
    """

    media_id: Sha256
    action: Action
    author: Author
    at: AwareDatetime = Field(description="UTC")
    place: PersonPlace | None = None
    item: Line = Field("", description="the crop's or source's id at that time, for people")
    reason: Line = Field("", description="why; a drop needs one")
    scenes: tuple[SceneTag, ...] | None = Field(None, description="replace all others; may be none")
    add: tuple[SceneTag, ...] = ()
    remove: tuple[SceneTag, ...] = ()
    undoes: DecisionId | None = None
    applied_from: DecisionId | None = Field(
        None, description="the decision on the shown crop of its cluster or track, if it was not "
        "given for this very crop"
    )  # fmt: skip

    @field_validator("at")
    @classmethod
    def _in_utc(cls, at: datetime) -> datetime:
        return at.astimezone(UTC)

    @model_validator(mode="after")
    def _suits_its_action(self) -> Self:
        names_scenes = self.scenes is not None or bool(self.add or self.remove)
        if (self.action == "scene") != names_scenes:
            raise ValueError("scenes, add or remove belong to the action scene, and it needs one")
        if (self.action == "undo") != (self.undoes is not None):
            raise ValueError("undoes belongs to the action undo, and it needs it")
        if self.action == "drop" and not self.reason.strip():
            raise ValueError("a drop needs a reason")
        if self.place is None and self.action not in ("scene", "undo"):
            raise ValueError(f"{self.action} needs the place of a person")
        return self

    @cached_property
    def id(self) -> str:
        """A digest of all that it says: 40 hex digits."""
        # Without defaults, so that a field that a later program adds leaves older ids as they are.
        return content_key("decision", self.model_dump(mode="json", exclude_defaults=True))

    @property
    def order(self) -> tuple[datetime, str]:
        """The last one in this order counts."""
        return self.at, self.id


def decide(
    crop: RunCrop,
    action: Action,
    author: str,
    at: datetime,
    *,
    reason: str = "",
    scenes: tuple[str, ...] | None = None,
    add: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
    applied_from: str | None = None,
) -> Decision:
    """Return a decision on a crop of a run.

    `applied_from` is the id of the decision on the crop that was shown, where this crop was not.

    Raises:
        ValueError: the action lacks what it needs, such as the reason of a drop.
    """
    return Decision(
        media_id=crop.crop.media_id,
        action=action,
        author=author,
        at=at,
        place=PersonPlace.of(crop),
        item=crop.stem,
        reason=reason,
        scenes=scenes,
        add=add,
        remove=remove,
        applied_from=applied_from,
    )


def undo(decision: Decision, author: str, at: datetime) -> Decision:
    """Return the decision that undoes another one; undoing an undo brings that one back."""
    # After it in any case: two machines' clocks may differ.
    later = max(at, decision.at + timedelta(microseconds=1))
    return Decision(
        media_id=decision.media_id,
        action="undo",
        author=author,
        at=later,
        place=decision.place,
        item=decision.item,
        undoes=decision.id,
    )
