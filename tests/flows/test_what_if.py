"""A slider's answer is the verdicts that a publication by these bounds would give."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.engine.what_if import (
    VERDICTS,
    judge_table,
    table_of_crops,
    what_would_change,
)
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Drop, Source
from tasks.common.schema.channels import human_channel
from tasks.common.schema.columns import to_table
from tasks.common.schema.decisions import Action
from tasks.common.schema.rows import JudgedCrop, Matte, MeasuredCrop, RunCrop
from tasks.common.schema.rulings import MaskShown, Ruling, in_force, rule_on
from tasks.deduplicate.settle import settle
from tasks.filter.judge import drop_empty_mask, judge_source
from tasks.filter.rejudge_run import rejudge_run
from tasks.filter.rules import RULES
from tests.common.deciding import MASK, crop, decision, matte
from tests.filter.builders import GOOD, bounds_of, remeasured
from tests.filter.strategies import measured_crops, rule_bounds

SOURCES = {
    name: Source(source_id=name, uri=f"{name}.mp4", scenes=(name,), licence=None)
    for name in ("park", "anime")
}
NOT_MEASURED: dict[str, None] = {name: None for name, rule in RULES.items() if rule.needs_mask}
ACTIONS: list[Action] = ["keep", "drop", "review", "needs_person", "bad_mask", "good_mask"]
CHANNELS = [
    "rembg u2netp",
    human_channel(["ps"]),
    human_channel(["ps"], 1, is_disputed=True),
]
EMPTY = Drop(item="", stage="matte", reason="mask_empty", value=0.0, sentence="Nobody.")


@st.composite
def runs(draw: st.DrawFn) -> list[RunCrop]:
    """Draw the crops of two sources as a run stores them: some never matted, some empty."""
    crops: list[RunCrop] = []
    for name, source in SOURCES.items():
        measured = [
            replace(each, crop_id=f"{name}-{each.crop_id}") for each in draw(measured_crops())
        ]
        states = {each.crop_id: draw(st.sampled_from("mmmue")) for each in measured}
        known = [
            each if states[each.crop_id] == "m" else remeasured(each, NOT_MEASURED)
            for each in measured
        ]
        known = [_measured_share(each) if states[each.crop_id] == "m" else each for each in known]
        matted = {stem for stem, state in states.items() if state == "m"}
        for verdict in judge_source(known, source, RuleBounds(), matted):
            empty = EMPTY if states[verdict.crop_id] == "e" else None
            crops.append(_run_crop(name, drop_empty_mask(verdict, empty), draw, matted))
    return crops


def _measured_share(crop: MeasuredCrop) -> MeasuredCrop:
    return remeasured(crop, {"subject_share": 0.5})


def _run_crop(name: str, verdict: JudgedCrop, draw: Any, matted: set[str]) -> RunCrop:
    stem = verdict.crop_id
    row: Matte | None = None
    if stem in matted:
        row = matte(channel=draw(st.sampled_from(CHANNELS)), crop_id=stem)
    return RunCrop(name, crop(stem), None, row, verdict)


@st.composite
def rulings_on(draw: st.DrawFn, crops: list[RunCrop]) -> dict[str, Ruling]:
    """Draw decisions on some of the crops."""
    rulings = {}
    for each in crops:
        actions = draw(st.lists(st.sampled_from(ACTIONS), max_size=2))
        applied = draw(st.sampled_from([None, "0a" * 20]))
        lines = [decision(a, n, applied_from=applied) for n, a in enumerate(actions)]
        shown = MaskShown(MASK, each.matte.channel) if each.matte else None
        rulings[each.stem] = rule_on(in_force(lines), shown)
    return rulings


@given(crops=runs(), bounds=rule_bounds(), tags=st.booleans(), data=st.data())
def test_the_verdict_and_the_reason_of_each_crop_are_those_of_a_publication(
    crops: list[RunCrop], bounds: RuleBounds, tags: bool, data: st.DataObject
) -> None:
    if tags:
        bounds = bounds.model_copy(update=dict(bounds_of(excluded_scene={"tags": ["anime"]})))
    rulings = data.draw(rulings_on(crops))
    rejudged = rejudge_run(crops, SOURCES, bounds, rulings)
    expected = settle(rejudged.crops, bounds.near_duplicate, rejudged.unmatted).crops
    table = table_of_crops([to_table(RunCrop, crops)], SOURCES, radius=64)
    judged = judge_table(table, bounds, rulings)
    found = {
        stem: (VERDICTS[judged.verdicts[at]], judged.reason_of(at) or None)
        for stem, at in table.positions.items()
    }
    assert found == {
        each.stem: (
            "to be matted" if each.stem in rejudged.unmatted else each.verdict.verdict,
            each.verdict.reason,
        )
        for each in expected
    }


def test_a_change_says_who_enters_and_who_leaves() -> None:
    crops = [
        RunCrop("park", crop(name), None, matte(crop_id=name), verdict)
        for name, verdict in {
            name: judge_source([_own(name, sharpness)], SOURCES["park"], RuleBounds(), {name})[0]
            for name, sharpness in (("a", 0.1), ("b", 0.5), ("c", 0.9))
        }.items()
    ]
    table = table_of_crops([to_table(RunCrop, crops)], SOURCES)
    loose = judge_table(table, bounds_of(sharpness={"min": 0.2}))
    strict = judge_table(table, bounds_of(sharpness={"min": 0.6, "review_min": 0.95}))
    change = what_would_change(loose, strict)
    assert change.before == {"keep": 2, "review": 0, "drop": 1, "to be matted": 0}
    assert change.after == {"keep": 0, "review": 1, "drop": 2, "to be matted": 0}
    assert [table.stems[at] for at in change.leaving] == ["b", "c"]
    assert change.entering.tolist() == []
    assert change.moves == {("keep", "drop"): 1, ("keep", "review"): 1}
    assert what_would_change(strict, loose).entering.tolist() == change.leaving.tolist()


def _own(name: str, sharpness: float) -> MeasuredCrop:
    own = f"{0xFF << (8 * ord(name) % 56):016x}"
    crop = replace(GOOD, crop_id=name, hash=own, mirror_hash="5555555555555555")
    return remeasured(crop, {"sharpness": sharpness})


def test_of_a_crop_in_two_runs_the_first_table_counts_and_no_run_is_no_crop() -> None:
    made = {
        value: to_table(
            RunCrop,
            [
                RunCrop(
                    "park",
                    crop("a"),
                    None,
                    None,
                    judge_source([_own("a", value)], SOURCES["park"], RuleBounds())[0],
                )
            ],
        )
        for value in (0.1, 0.9)
    }
    table = table_of_crops([made[0.9], made[0.1]], SOURCES)
    assert table.measures.values["sharpness"].tolist() == [0.9]
    empty = table_of_crops([to_table(RunCrop, [])], SOURCES)
    assert judge_table(empty, bounds_of(near_duplicate={"min": 5})).counts()["keep"] == 0


def test_a_table_knows_which_bounds_it_can_answer() -> None:
    table = table_of_crops([to_table(RunCrop, [])], SOURCES, radius=4)
    with pytest.raises(ValueError, match="of up to 5 bits"):
        judge_table(table, bounds_of(near_duplicate={"min": 6}))
