"""What decisions come to: the last counts, undone ones do not, and a later run finds the person."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.common.schema.boxes import Box
from tasks.common.schema.channels import human_channel
from tasks.common.schema.decisions import Action, Decision, PersonPlace, undo
from tasks.common.schema.rulings import MaskShown, in_force, place_decisions, rule_on
from tests.common.deciding import (
    LINES,
    MASK,
    MEDIA,
    NOW,
    OTHER_MASK,
    OTHER_MEDIA,
    PERSON,
    PLACE,
    crop,
    decision,
    decisions,
    matte,
)

SHOWN = MaskShown(MASK, "rembg u2netp")
ANOTHER = MaskShown(OTHER_MASK, "rembg isnet")
DRAWN = MaskShown(OTHER_MASK, human_channel(["ps"]))


def history(*actions: Action) -> list[Decision]:
    return [decision(action, minutes) for minutes, action in enumerate(actions)]


def judgement(lines: Sequence[Decision], mask: MaskShown | None = SHOWN) -> str | None:
    ruling = rule_on(in_force(lines), mask)
    return ruling.judgement.action if ruling.judgement else None


def test_nothing_decided_rules_nothing() -> None:
    assert rule_on([], SHOWN) == (None, None, ())
    assert in_force([]) == []


@pytest.mark.parametrize(
    ("actions", "verdict", "is_good"),
    [
        pytest.param(("keep", "drop"), "drop", False, id="the last verdict"),
        pytest.param(("drop", "keep", "review"), "review", False, id="of three"),
        pytest.param(("keep", "bad_mask"), "bad_mask", False, id="a bad mask after a keep"),
        pytest.param(("bad_mask", "keep"), "keep", False, id="a keep after a bad mask"),
        pytest.param(("keep", "bad_mask", "good_mask"), "keep", True, id="good takes back bad"),
        pytest.param(("bad_mask", "needs_person"), "needs_person", False, id="the last word"),
        pytest.param(("good_mask",), None, True, id="a good mask judges nothing"),
        pytest.param(("good_mask", "drop"), "drop", True, id="a good mask of a dropped crop"),
        pytest.param(("scene",), None, False, id="scenes judge nothing"),
    ],
)
def test_decisions_come_to(actions: tuple[Action, ...], verdict: str | None, is_good: bool) -> None:
    lines = history(*actions)
    ruling = rule_on(in_force(lines), SHOWN)
    assert (judgement(lines), ruling.good_mask is not None) == (verdict, is_good)


@pytest.mark.parametrize(
    ("action", "mask", "holds"),
    [
        pytest.param("good_mask", SHOWN, True, id="good: the mask that was shown"),
        pytest.param("good_mask", ANOTHER, False, id="good: another model's mask"),
        pytest.param("good_mask", DRAWN, False, id="good: a mask that a person drew since"),
        pytest.param("good_mask", None, False, id="good: no mask"),
        pytest.param("bad_mask", SHOWN, True, id="bad: the mask that was shown"),
        pytest.param("bad_mask", ANOTHER, True, id="bad: another model's mask is no answer"),
        pytest.param("bad_mask", DRAWN, False, id="bad: a person drew another one"),
        pytest.param("needs_person", DRAWN, False, id="needs a person: one drew it"),
        pytest.param("needs_person", None, True, id="needs a person: no mask yet"),
    ],
)
def test_a_word_on_the_mask_is_about_a_mask(
    action: Action, mask: MaskShown | None, holds: bool
) -> None:
    ruling = rule_on(history(action), mask)
    assert ((ruling.good_mask or ruling.judgement) is not None) == holds


@given(lines=st.lists(decisions(), max_size=8), seed=st.integers(0, 99))
def test_neither_order_nor_repetition_of_the_lines_matters(
    lines: list[Decision], seed: int
) -> None:
    shuffled = [*lines, *lines]
    Random(seed).shuffle(shuffled)
    assert in_force(shuffled) == in_force(lines)


@given(lines=st.lists(decisions(), min_size=1, max_size=6), at=st.integers(0, 5))
def test_an_undone_decision_is_as_if_it_had_not_been_made_and_an_undone_undo_brings_it_back(
    lines: list[Decision], at: int
) -> None:
    target = lines[at % len(lines)]
    # The clock of the second machine is an hour slow.
    first = undo(target, "bob", NOW.replace(hour=8))
    without = [line for line in lines if line.id != target.id]
    assert in_force([*lines, first]) == in_force(without)
    second = undo(first, "ann", NOW.replace(hour=8))
    assert in_force([*lines, first, second]) == in_force(lines)
    third = undo(second, "ann", NOW.replace(hour=10))
    assert in_force([third, first, *lines, second]) == in_force(without)


def test_of_two_decisions_at_one_moment_the_same_one_counts_everywhere() -> None:
    a, b = decision("keep", author="ann"), decision("drop", author="bob")
    assert judgement([a, b]) == judgement([b, a]) == max(a, b, key=lambda each: each.id).action


def test_a_long_row_of_undos_and_redos_ends() -> None:
    lines = [decision("keep")]
    for _ in range(3000):
        lines.append(undo(lines[-1], "ann", NOW))
    assert judgement(lines) == "keep"


@pytest.mark.parametrize(
    ("action", "facts"),
    [
        pytest.param("drop", {"reason": " "}, id="a drop without a reason"),
        pytest.param("keep", {"place": None}, id="a verdict on a whole media"),
        pytest.param("scene", {"add": ()}, id="no scene"),
        pytest.param("keep", {"add": ("park",)}, id="a scene with a verdict"),
        pytest.param("undo", {}, id="an undo of nothing"),
        pytest.param("keep", {"undoes": "0a" * 20}, id="an undo that is none"),
        pytest.param("keep", {"author": ""}, id="nobody"),
        pytest.param("keep", {"reason": "a\nb"}, id="two lines"),
        pytest.param("keep", {"media_id": "../x"}, id="a path for a media"),
    ],
)
def test_a_decision_without_what_it_needs_is_refused(action: Action, facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        decision(action, **facts)


@given(line=decisions(), text=LINES)
def test_a_decision_is_named_by_all_that_it_says(line: Decision, text: str) -> None:
    read = Decision.model_validate_json(line.model_dump_json(exclude_defaults=True))
    assert (read, read.id) == (line, line.id)
    other = line.model_copy(update={"item": line.item + "x" + text})
    assert Decision.model_validate(other.model_dump()).id != line.id


@pytest.mark.parametrize(
    ("found", "is_same"),
    [
        pytest.param(crop(), True, id="the same picture"),
        pytest.param(crop(digest="09" * 32), True, id="another cut"),
        pytest.param(crop(person=Box(12, 8, 44, 70), digest="09" * 32), True, id="another box"),
        pytest.param(crop(person=Box(60, 10, 90, 70), digest="09" * 32), False, id="a neighbour"),
        pytest.param(crop(time_s=2.5), False, id="another moment"),
    ],
)
def test_a_decision_belongs_to_the_person_in_a_later_run(found: object, is_same: bool) -> None:
    placed = place_decisions([found], {}, [decision("keep")])  # type: ignore[list-item]
    assert list(placed) == (["c"] if is_same else [])


def test_a_decision_on_a_whole_media_is_about_each_of_its_crops() -> None:
    crops = [crop("a"), crop("b", Box(60, 10, 90, 70), digest="09" * 32)]
    lines = [
        decision("scene", 1, place=None, add=("street",)),
        decision("scene", 2),
        decision("scene", 3, place=None, media_id=OTHER_MEDIA),
    ]
    placed = place_decisions(crops, {"a": matte(crop_id="a")}, lines)
    added = {name: [edit.add for edit in own.ruling.scenes] for name, own in placed.items()}
    assert added == {"a": [("street",), ("park",)], "b": [("street",)]}
    assert placed["a"].lines == tuple(lines[:2])


def test_the_place_of_a_crop_is_what_a_later_run_is_compared_with() -> None:
    assert PLACE.person == PERSON
    assert PersonPlace.model_validate_json(PLACE.model_dump_json()) == PLACE
    assert decision("keep").media_id == MEDIA
