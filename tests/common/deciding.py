"""Decisions of curators on a crop, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tasks.common.schema.boxes import Box
from tasks.common.schema.decisions import Action, Decision, PersonPlace
from tasks.common.schema.rows import Crop, Matte

MEDIA, OTHER_MEDIA = "ab" * 32, "cd" * 32
PICTURE, MASK, OTHER_MASK = "01" * 32, "02" * 32, "03" * 32
FRAME_WH = (100, 80)
PERSON = Box(10, 10, 40, 70)
NOW = datetime(2026, 11, 29, 9, tzinfo=UTC)
PLACE = PersonPlace(
    time_s=1.5,
    frame_size_wh=FRAME_WH,
    person_xyxy=PERSON.xyxy,
    picture_digest=PICTURE,
    mask_digest=MASK,
)


def decision(action: Action, minutes: float = 0, author: str = "ann", **facts: Any) -> Decision:
    """Return a decision on the person, so many minutes after nine o'clock."""
    needed: dict[str, Any] = {"drop": {"reason": "blurred"}, "scene": {"add": ("park",)}}
    values = {"media_id": MEDIA, "place": PLACE, **needed.get(action, {}), **facts}
    at = NOW + timedelta(minutes=minutes)
    return Decision(action=action, author=author, at=at, **values)


def crop(
    crop_id: str = "c", person: Box = PERSON, time_s: float = 1.5, digest: str = PICTURE
) -> Crop:
    """Return a crop of the person, as a later run may have cut it out."""
    box = person.pad(5).clip(FRAME_WH)
    return Crop(crop_id, "f", MEDIA, time_s, FRAME_WH, "flat", person, box, 0.9, (), "", digest)


def matte(digest: str = MASK, channel: str | None = "rembg u2netp", crop_id: str = "c") -> Matte:
    """Return the mask of a crop."""
    box = Box(0, 0, 30, 60)
    return Matte(crop_id, "", "", "", digest, box, 0.0, 1.0, None, None, "u2netp", "", channel)


LINES = st.text(st.characters(exclude_categories=["C"]), max_size=30)
SCENES = st.lists(st.sampled_from(["park", "street", "草地"]), max_size=3, unique=True).map(tuple)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """Draw any decision but an undo, by one of three people within two minutes."""
    action: Action = draw(
        st.sampled_from(
            ["keep", "drop", "review", "good_mask", "bad_mask", "needs_person", "scene"]
        )
    )
    facts: dict[str, Any] = {"reason": draw(LINES)}
    if action == "drop":
        facts["reason"] = draw(LINES.filter(str.strip))
    if action == "scene":
        facts["scenes"] = draw(st.none() | SCENES)
        facts["remove"] = draw(SCENES)
        facts["add"] = draw(
            SCENES if facts["scenes"] is not None or facts["remove"] else SCENES.filter(bool)
        )
        facts["place"] = draw(st.sampled_from([None, PLACE]))
    return decision(
        action,
        draw(st.floats(0, 2)),
        draw(st.sampled_from(["ann", "bob", "=李"])),
        media_id=draw(st.sampled_from([MEDIA, OTHER_MEDIA])),
        item=draw(LINES),
        applied_from=draw(st.none() | st.just("0a" * 20)),
        **facts,
    )
