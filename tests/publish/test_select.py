"""Which crops are published, and on which side of the split."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.artifacts import Workspace
from tasks.common.errors import InputError
from tasks.common.records import Source, SourceOutcome
from tasks.publish.select import Sample, Split, choose_samples, split_of
from tests.publish.builders import judged, source, subset_of, two_sources
from tests.publish.crops import Crop
from tests.publish.trees import recipe


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _chosen(workspace: Workspace, *outcomes: SourceOutcome, **changes: Any) -> list[Sample]:
    return choose_samples(subset_of(workspace, *outcomes), recipe(**changes))


def _sides(
    workspace: Workspace, outcomes: tuple[SourceOutcome, ...], **changes: Any
) -> dict[str, Split]:
    samples = _chosen(workspace, *outcomes, **changes)
    return {sample.judged.source.source_id: sample.split for sample in samples}


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
    assert [sample.judged.stem for sample in chosen] == ["cafe-a", "cafe-b", "street-a"]


def test_the_order_of_the_list_does_not_matter(workspace: Workspace) -> None:
    outcomes = two_sources(workspace)
    assert _chosen(workspace, *outcomes[::-1]) == _chosen(workspace, *outcomes)


def test_the_same_bytes_in_two_sources_are_published_once(workspace: Workspace) -> None:
    first = judged(workspace, source("first"), [Crop("a"), Crop("b")], media="m")
    again = judged(workspace, source("again"), [Crop("a"), Crop("b")], media="m")
    chosen = _chosen(workspace, first, again)
    names = [(sample.judged.stem, sample.judged.source.source_id) for sample in chosen]
    assert names == [("m-a", "first"), ("m-b", "first")]


def test_a_crop_with_two_verdicts_counts_with_the_one_that_everybody_sees(
    workspace: Workspace,
) -> None:
    dropped = Crop("a", "drop", "excluded_scene", "The scene pool is excluded.")
    first = judged(workspace, source("first", scenes=("pool",)), [dropped], media="m")
    again = judged(workspace, source("again"), [Crop("a")], media="m")
    subset = subset_of(workspace, first, again)
    assert [crop.verdict["verdict"] for crop in subset.crops()] == ["drop"]
    assert list(subset.crops("keep")) == []


_IDS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
_UPLOADERS = st.none() | st.sampled_from(["ann", "bo", "cy"])


@given(_IDS, _UPLOADERS, st.floats(0, 1))
def test_a_side_depends_on_the_source_alone(
    source_id: str, uploader: str | None, share: float
) -> None:
    line = source(source_id, uploader=uploader)
    elsewhere = line.model_copy(update={"uri": "/elsewhere", "scenes": ("night",)})
    assert split_of(line, {}, share) == split_of(elsewhere, {}, share)


def test_the_side_of_a_source_is_the_same_in_every_release() -> None:
    sides = [split_of(source(f"clip{number}"), {}, 0.3) for number in range(12)]
    assert "".join(side[0] for side in sides) == "tttvtttvtttt"


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(_IDS, _UPLOADERS), unique_by=lambda pair: pair[0], max_size=6),
    st.integers(0, 6),
)
def test_sources_that_come_later_move_nobody(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str | None]], n_before: int
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("w"))
    sources = [source(name, uploader=uploader) for name, uploader in lines]
    outcomes = _one_each(workspace, *sources)
    before = _sides(workspace, outcomes[:n_before])
    after = _sides(workspace, outcomes)
    assert {name: after[name] for name in before} == before


@settings(deadline=None)
@given(_IDS, _IDS, st.text(min_size=1, max_size=5), st.floats(0, 1))
def test_all_sources_of_an_uploader_are_on_one_side(
    one: str, other: str, uploader: str, share: float
) -> None:
    sides = {split_of(source(name, uploader=uploader), {}, share) for name in (one, other)}
    assert len(sides) == 1


@given(_IDS, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_takes_nobody_back_to_train(name: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    if split_of(source(name), {}, low) == "val":
        assert split_of(source(name), {}, high) == "val"


@given(_IDS)
def test_no_share_is_no_validation_and_the_whole_share_is_all_of_it(name: str) -> None:
    assert (split_of(source(name), {}, 0.0), split_of(source(name), {}, 1.0)) == ("train", "val")


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.9])
def test_of_many_groups_about_the_share_is_for_validation(share: float) -> None:
    sides = [split_of(source(f"clip-{number}"), {}, share) for number in range(4000)]
    assert sides.count("val") / 4000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("side", ["train", "val"])
def test_a_pinned_source_is_on_its_side(side: Split, workspace: Workspace) -> None:
    outcomes = _one_each(workspace, *(source(f"s{number}") for number in range(4)))
    pins = {f"s{number}": side for number in range(4)}
    assert set(_sides(workspace, outcomes, pin=pins).values()) == {side}


@pytest.mark.parametrize("side", ["train", "val"])
def test_a_pin_takes_all_sources_of_the_uploader_along(side: Split, workspace: Workspace) -> None:
    lines = [source(name, uploader="ann") for name in ("a", "b")]
    sides = _sides(workspace, _one_each(workspace, *lines), pin={"b": side})
    assert sides == {"a": side, "b": side}


@pytest.mark.parametrize("side", ["train", "val"])
def test_a_pin_holds_for_the_uploader_even_if_the_pinned_source_kept_nothing(
    side: Split, workspace: Workspace
) -> None:
    kept = judged(workspace, source("a", uploader="ann"), [Crop("a")])
    nothing = judged(workspace, source("b", uploader="ann"), [Crop("a", "drop", "sharpness", "No")])
    assert _sides(workspace, (kept, nothing), pin={"b": side}) == {"a": side}


@pytest.mark.parametrize("uploader", [None, "ann"])
def test_a_pin_does_not_move_strangers(uploader: str | None, workspace: Workspace) -> None:
    outcomes = _one_each(workspace, source("a", uploader=uploader), source("b", uploader="bo"))
    free = _sides(workspace, outcomes)
    other: Split = "train" if free["b"] == "val" else "val"
    pinned = _sides(workspace, outcomes, pin={"b": other})
    assert pinned == free | {"b": other}


def test_pins_that_tear_an_uploader_apart_are_refused(workspace: Workspace) -> None:
    lines = [source(name, uploader="ann") for name in ("a", "b")]
    with pytest.raises(InputError, match=r"publish\.pin .* \(uploader ann\) on both sides.* b out"):
        _sides(workspace, _one_each(workspace, *lines), pin={"a": "train", "b": "val"})


def test_an_uploader_who_is_called_like_a_source_is_another_group(workspace: Workspace) -> None:
    lines = (source("a"), source("b", uploader="a"))
    pins = {"a": "train", "b": "val"}
    assert _sides(workspace, _one_each(workspace, *lines), pin=pins) == pins
