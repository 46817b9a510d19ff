"""The part of a recipe about what is published: name, split, scenes, card."""

from collections import Counter
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.common.records import Record, SceneTag
from tasks.common.schema.layout import Split

Share = Annotated[float, Field(ge=0.0, le=1.0)]
JpegQuality = Annotated[int, Field(ge=80, le=100)]
Note = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")]
Language = Literal["en", "zh"]
Ignored = Literal["other_people"]
SceneId = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_-]{0,39}$",
        description="names the scene's lists: lower-case letters, digits, dash, underscore",
    ),
]
VersionRef = Annotated[
    str,
    Field(
        pattern=r"^CustomSeg_Person_\d{8}_[A-Za-z0-9-]{1,60}(@v?\d+)?$",
        description="a subset's name, with @v3 for one version, else the newest in use",
    ),
]


class SceneGroup(Record):
    """A fine-grained scene: the name of its split files, its titles, the phrases that tag it.

    A source is tagged with the scene if one of its tags contains a phrase: Latin words as whole
    words (`ball` is not in `balloon`), Chinese ones anywhere. Case does not matter.
    """

    id: SceneId
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    phrases: tuple[str, ...] = Field(min_length=1)
    prompts: tuple[str, ...] = Field(
        (), description="what the tagger compares pictures with; without any, the English name"
    )


class SceneOverride(Record):
    """A curator's override for one sample (by its stem) or a whole source (by its source_id).

    `scenes` replaces the scenes that follow from the tags; `add` and `remove` change them.
    """

    item: str = Field(min_length=1)
    scenes: tuple[SceneTag, ...] | None = None
    add: tuple[SceneTag, ...] = ()
    remove: tuple[SceneTag, ...] = ()

    def named(self) -> set[str]:
        """Return every scene that it names."""
        return {*(self.scenes or ()), *self.add, *self.remove}


class PublishRecipe(Record):
    """What the published subset is called, how it is split, what its card says.

    `role: test` publishes a test subset: every sample under `val`, nothing related to the subsets
    in `against`. `scenes` and `scene_overrides` may be files; they are read when the recipe is.
    """

    date: str = Field(description="the day in the subset's name, as yyyymmdd")
    note: Note
    role: Literal["train", "test"] = "train"
    against: tuple[VersionRef, ...] = ()
    related: Literal["refuse", "leave_out"] = Field(
        "refuse", description="what becomes of samples related to a test or training subset"
    )
    accumulate: bool | Literal["replace"] = Field(
        False,
        description="keep the samples of the newest version in use; with `replace` a source that "
        "has other bytes now loses its earlier samples",
    )
    val_share: Share = 0.1
    pin: dict[str, Split] = Field(default_factory=dict)
    near_bits: int = Field(
        6, ge=0, le=11, description="up to so many of 64 bits apart, pictures are of one group"
    )
    ignore: tuple[Ignored, ...] = Field(
        ("other_people",),
        description="whose pixels become 255, which trainers leave out; [] ignores none",
    )
    per_track: int | None = Field(
        None,
        ge=1,
        description="at most so many samples of one person in one shot, those that differ most",
    )
    jpeg_quality: JpegQuality = 95
    language: Language = "en"
    description: str = ""
    limits: tuple[str, ...] = Field((), description="known limits, each a line of the card")
    scenes: tuple[SceneGroup, ...] = ()
    scene_overrides: tuple[SceneOverride, ...] = ()

    @field_validator("date")
    @classmethod
    def _is_a_day(cls, day: str) -> str:
        try:
            date.fromisoformat(day)
        except ValueError:
            day = ""
        # fromisoformat also takes 2026-11-22 and 2026W47; the name needs eight digits.
        if len(day) != len("yyyymmdd") or not day.isdecimal():
            raise ValueError('expected a day of the calendar as yyyymmdd, such as "20261122"')
        return day

    @field_validator("scenes")
    @classmethod
    def _have_unique_ids(cls, scenes: tuple[SceneGroup, ...]) -> tuple[SceneGroup, ...]:
        repeated = [name for name, n in Counter(scene.id for scene in scenes).items() if n > 1]
        if repeated:
            raise ValueError(f"the scene {repeated[0]!r} occurs twice; each needs its own id")
        return scenes

    @model_validator(mode="after")
    def _names_known_scenes(self) -> Self:
        known = {scene.id for scene in self.scenes}
        for entry in self.scene_overrides if known else ():
            unknown = sorted(entry.named() - known)
            if unknown:
                raise ValueError(
                    f"scene_overrides of {entry.item} name {unknown[0]!r}, which is no scene of "
                    f"the recipe; known: {', '.join(sorted(known))}"
                )
        return self

    @model_validator(mode="after")
    def _suits_its_role(self) -> Self:
        if self.role == "test" and not self.against:
            raise ValueError(
                "role test needs against: the training subsets that it must not be related to"
            )
        if self.role == "test" and self.pin:
            raise ValueError("role test takes no pin: every sample of a test subset is in val")
        if self.role == "train" and self.against:
            raise ValueError(
                "against is for role test; a test subset that names this one is found by itself"
            )
        return self

    @property
    def name(self) -> str:
        """The subset's name, such as CustomSeg_Person_20261122_demo."""
        return f"CustomSeg_Person_{self.date}_{self.note}"
