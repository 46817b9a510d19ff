"""Which crops are published, and in which split."""

from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Source, SourceOutcome
from tasks.common.schema.layout import Split
from tasks.common.schema.published import NO_BASE
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.groups import LeftOut
from tasks.dataset.selection import Selected, check_pins, choose_samples
from tests.dataset.builders import inputs_of, judged, source, two_sources
from tests.dataset.crops import Crop
from tests.dataset.trees import recipe


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _chosen(workspace: Workspace, *outcomes: SourceOutcome, **changes: Any) -> list[Selected]:
    return choose_samples(inputs_of(workspace, *outcomes), recipe(**changes)).samples


def _splits(
    workspace: Workspace, outcomes: tuple[SourceOutcome, ...], **changes: Any
) -> dict[str, Split]:
    samples = _chosen(workspace, *outcomes, **changes)
    return {sample.source.source_id: sample.row.split for sample in samples}


def _one_each(workspace: Workspace, *lines: Source) -> tuple[SourceOutcome, ...]:
    return tuple(judged(workspace, line, [Crop("a")]) for line in lines)


def test_of_nothing_nothing_is_chosen(workspace: Workspace) -> None:
    assert _chosen(workspace) == []


def test_a_source_that_failed_gives_nothing(workspace: Workspace) -> None:
    whole = judged(workspace, source("a"), [Crop("a")])
    failed = whole.model_copy(
        update={"stages": whole.stages[:2], "error": "boom", "failed_stage": "filter"}
    )
    assert _chosen(workspace, failed) == []


def test_only_kept_crops_are_chosen_in_the_order_of_their_stems(workspace: Workspace) -> None:
    chosen = _chosen(workspace, *two_sources(workspace))
    assert [sample.stem for sample in chosen] == ["cafe-a", "cafe-b", "street-a"]


def test_the_order_of_the_list_does_not_matter(workspace: Workspace) -> None:
    outcomes = two_sources(workspace)
    assert _chosen(workspace, *outcomes[::-1]) == _chosen(workspace, *outcomes)


def test_the_same_bytes_in_two_sources_are_published_once(workspace: Workspace) -> None:
    first = judged(workspace, source("first"), [Crop("a"), Crop("b")], media="m")
    again = judged(workspace, source("again"), [Crop("a"), Crop("b")], media="m")
    chosen = _chosen(workspace, first, again)
    names = [(sample.stem, sample.source.source_id) for sample in chosen]
    assert names == [("m-a", "first"), ("m-b", "first")]


def test_a_crop_with_two_verdicts_counts_with_the_one_that_everybody_sees(
    workspace: Workspace,
) -> None:
    dropped = Crop("a", "drop", "excluded_scene", "The scene pool is excluded.")
    first = judged(workspace, source("first", scenes=("pool",)), [dropped], media="m")
    again = judged(workspace, source("again"), [Crop("a")], media="m")
    run = inputs_of(workspace, first, again).run
    assert [crop.verdict.verdict for crop in run.crops] == ["drop"]
    assert run.of("keep") == []


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_pinned_source_is_on_its_split(split: Split, workspace: Workspace) -> None:
    outcomes = _one_each(workspace, *(source(f"s{number}") for number in range(4)))
    pins = {f"s{number}": split for number in range(4)}
    assert set(_splits(workspace, outcomes, pin=pins).values()) == {split}


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("tie", ["uploader", "session"])
def test_a_pin_takes_all_sources_of_its_group_along(
    split: Split, tie: str, workspace: Workspace
) -> None:
    lines = [source(name, **{tie: "ann"}) for name in ("a", "b")]
    splits = _splits(workspace, _one_each(workspace, *lines), pin={"b": split})
    assert splits == {"a": split, "b": split}


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_pin_holds_for_the_uploader_even_if_the_pinned_source_kept_nothing(
    split: Split, workspace: Workspace
) -> None:
    kept = judged(workspace, source("a", uploader="ann"), [Crop("a")])
    nothing = judged(workspace, source("b", uploader="ann"), [Crop("a", "drop", "sharpness", "No")])
    assert _splits(workspace, (kept, nothing), pin={"b": split}) == {"a": split}


def test_pins_that_tear_an_uploader_apart_are_refused(workspace: Workspace) -> None:
    lines = [source(name, uploader="ann") for name in ("a", "b")]
    pins = {"a": "train", "b": "val"}
    with pytest.raises(InputError, match=r"publish\.pin .* \(uploader ann\)\. .* leave b out"):
        check_pins(lines, recipe(pin=pins))
    with pytest.raises(InputError, match=r"publish\.pin .* \(uploader ann\)"):
        _splits(workspace, _one_each(workspace, *lines), pin=pins)


def test_an_uploader_who_is_called_like_a_source_is_another_group(workspace: Workspace) -> None:
    lines = (source("a"), source("b", uploader="a"))
    pins = {"a": "train", "b": "val"}
    assert _splits(workspace, _one_each(workspace, *lines), pin=pins) == pins


def test_the_same_bytes_under_another_name_belong_to_the_group_of_the_first(
    workspace: Workspace,
) -> None:
    first = judged(workspace, source("first"), [Crop("a")], media="m")
    again = judged(workspace, source("again", uploader="ann"), [Crop("a")], media="m")
    friend = judged(workspace, source("friend", uploader="ann"), [Crop("a")])
    other = judged(workspace, source("other"), [Crop("a")])
    splits = _splits(workspace, (first, again, friend, other), pin={"other": "train"})
    assert splits["first"] == splits["friend"]


def test_a_crop_that_a_better_one_displaced_ties_their_sources(workspace: Workspace) -> None:
    better = judged(workspace, source("a"), [Crop("x", hash=0, sharpness=0.9), Crop("y")])
    worse = judged(workspace, source("b"), [Crop("x", hash=1, sharpness=0.5), Crop("y")])
    outcomes = (better, worse, *_one_each(workspace, source("c")))
    bounds = RuleBounds.model_validate({"near_duplicate": {"min": 4}})
    chosen = choose_samples(inputs_of(workspace, *outcomes, bounds=bounds), recipe(near_bits=0))
    groups = {tuple(member.source_id for member in group.members) for group in chosen.groups}
    assert groups == {("a", "b"), ("c",)}


def test_every_sample_of_a_test_subset_is_in_val(workspace: Workspace) -> None:
    changes = {"role": "test", "against": ["CustomSeg_Person_20261122_train"], "val_share": 0.0}
    outcomes = _one_each(workspace, source("a"), source("b"))
    assert _splits(workspace, outcomes, **changes) == {"a": "val", "b": "val"}


def test_a_source_that_ties_both_splits_of_an_earlier_version_stays_out_with_a_sentence(
    workspace: Workspace,
) -> None:
    outcomes = _one_each(workspace, source("new", uploader="ann", session="park"), source("free"))
    base = NO_BASE._replace(splits={"uploader ann": "train", "session park": "val"})
    chosen = choose_samples(inputs_of(workspace, *outcomes), recipe(), base)
    assert [sample.stem for sample in chosen.samples] == ["free-a"]
    assert chosen.left_out == [
        LeftOut(
            "new-a",
            "ties_both_splits",
            "new shares keys with both splits: uploader ann (train), session park (val).",
        )
    ]


def test_a_published_source_that_turns_out_to_tie_both_splits_is_refused(
    workspace: Workspace,
) -> None:
    outcomes = _one_each(workspace, source("old", uploader="ann"))
    base = NO_BASE._replace(splits={"source old": "val", "uploader ann": "train"})
    inputs = inputs_of(workspace, *outcomes)
    with pytest.raises(InputError, match=r"old was published before .* Pin its group"):
        choose_samples(inputs, recipe(), base)
    moved = choose_samples(inputs, recipe(pin={"old": "train"}), base)
    assert [sample.row.split for sample in moved.samples] == ["train"]
