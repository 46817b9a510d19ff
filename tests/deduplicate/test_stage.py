"""One table of crops per run: what it holds, and what names it."""

from pathlib import Path
from typing import Any

import pytest

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.stage import deduplicate_key, reuse_or_deduplicate
from tests.dataset.builders import judged, source, two_sources, verdicts_only
from tests.dataset.crops import Crop
from tests.deduplicate.builders import run_crops

LOOK = 0x0123456789ABCDEF


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _key(outcomes: tuple[SourceOutcome, ...], **bounds: Any) -> str:
    return deduplicate_key(outcomes, RuleBounds.model_validate(bounds))


def test_a_run_without_sources_has_no_crops(workspace: Workspace) -> None:
    assert run_crops(workspace) == ((), ())


def test_every_crop_has_what_the_stages_found_in_the_order_of_the_sources(
    workspace: Workspace,
) -> None:
    run = run_crops(workspace, *two_sources(workspace))
    crops = [(crop.source_id, crop.stem, crop.verdict.verdict) for crop in run.crops]
    assert crops == [
        ("street", "street-a", "keep"),
        ("street", "street-b", "drop"),
        ("street", "street-c", "review"),
        ("cafe", "cafe-a", "keep"),
        ("cafe", "cafe-b", "keep"),
    ]
    assert all(crop.crop.crop_id == crop.verdict.crop_id == crop.stem for crop in run.crops)
    assert [crop.matte is None for crop in run.crops] == [False] * 5
    assert {crop.pose for crop in run.crops} == {None}


def test_a_crop_that_was_never_matted_has_no_mask(workspace: Workspace) -> None:
    outcome = judged(workspace, source("street"), [Crop("a", "drop", has_matte=False)])
    (crop,) = run_crops(workspace, outcome).crops
    assert (crop.matte, crop.published_box) == (None, None)


def test_a_source_that_failed_has_no_crops(workspace: Workspace) -> None:
    (first, second) = two_sources(workspace)
    failed = first.model_copy(update={"stages": first.stages[:1], "failed_stage": "matte"})
    run = run_crops(workspace, failed, second)
    assert {crop.source_id for crop in run.crops} == {"cafe"}


def test_of_the_same_bytes_the_first_source_counts_and_knows_the_others(
    workspace: Workspace,
) -> None:
    crops = [Crop("a"), Crop("b")]
    outcomes = [verdicts_only(workspace, source(name), crops, media="m") for name in "zyx"]
    run = run_crops(workspace, *outcomes)
    assert [(crop.source_id, crop.stem, crop.also_in) for crop in run.crops] == [
        ("z", "m-a", ("y", "x")),
        ("z", "m-b", ("y", "x")),
    ]
    assert [(drop.source_id, drop.item) for drop in run.drops] == [
        ("y", "m-a"), ("y", "m-b"), ("x", "m-a"), ("x", "m-b"),
    ]  # fmt: skip
    assert {drop.sentence for drop in run.drops} == {
        "Source z has the same file and comes first, so its crop counts."
    }
    assert run.repeated_sources() == {"y": "z", "x": "z"}


def test_a_source_with_a_crop_of_its_own_is_not_repeated(workspace: Workspace) -> None:
    outcomes = [
        verdicts_only(workspace, source("x"), [Crop("a")], media="m"),
        verdicts_only(workspace, source("y"), [Crop("a"), Crop("b")], media="m"),
    ]
    run = run_crops(workspace, *outcomes)
    assert (run.repeated_sources(), [crop.source_id for crop in run.crops]) == ({}, ["x", "y"])


def test_a_crop_that_its_own_filter_dropped_is_no_drop_again(workspace: Workspace) -> None:
    out = [Crop("a", "drop", "exposure", "Too bright.")]
    outcomes = [verdicts_only(workspace, source(name), out, media="m") for name in "xy"]
    run = run_crops(workspace, *outcomes)
    assert (run.drops, run.repeated_sources()) == ((), {"y": "x"})


@pytest.mark.parametrize(
    ("limits", "pairs"),
    [
        pytest.param({}, set(), id="no bounds"),
        pytest.param({"min": 5}, {("y", "x")}, id="dropped"),
        pytest.param({"review_min": 5}, {("y", "x")}, id="for review"),
    ],
)
def test_sources_are_tied_by_what_is_out_or_for_review(
    limits: dict[str, int], pairs: set[tuple[str, str]], workspace: Workspace
) -> None:
    outcomes = [
        verdicts_only(workspace, source("x"), [Crop("a", hash=LOOK, sharpness=0.9)]),
        verdicts_only(workspace, source("y"), [Crop("a", hash=LOOK)]),
        verdicts_only(workspace, source("z"), [Crop("a")]),
    ]
    bounds = {"near_duplicate": limits} if limits else {}
    assert run_crops(workspace, *outcomes, **bounds).near_sources() == pairs


def test_the_artifact_is_made_once(workspace: Workspace) -> None:
    outcomes, bounds = two_sources(workspace), RuleBounds()
    made = reuse_or_deduplicate(outcomes, bounds, workspace)
    table = workspace.path(f"{workspace.folder('deduplicate', made.key)}/items.parquet")
    before = table.stat().st_mtime_ns
    assert reuse_or_deduplicate(outcomes, bounds, workspace) == made
    assert table.stat().st_mtime_ns == before


def test_a_damaged_artifact_is_made_again(workspace: Workspace) -> None:
    outcomes, bounds = two_sources(workspace), RuleBounds()
    made = reuse_or_deduplicate(outcomes, bounds, workspace)
    table = workspace.path(f"{workspace.folder('deduplicate', made.key)}/items.parquet")
    whole = table.read_bytes()
    table.write_bytes(whole[:-1])
    assert reuse_or_deduplicate(outcomes, bounds, workspace) == made
    assert table.read_bytes() == whole


def test_its_key_depends_on_what_shapes_it_alone(workspace: Workspace) -> None:
    first, second = two_sources(workspace)
    key = _key((first, second), near_duplicate={"min": 5})
    assert _key((first, second), near_duplicate={"min": 5}, exposure={"max": 0.5}) == key
    untold = first.source.model_copy(update={"licence": "MIT", "scenes": ()})
    other_facts = first.model_copy(update={"source": untold})
    assert _key((other_facts, second), near_duplicate={"min": 5}) == key
    failed = SourceOutcome(source=source("lost"), error="gone", failed_stage="download")
    assert _key((first, failed, second), near_duplicate={"min": 5}) == key


def test_another_order_source_result_or_bound_has_another_key(workspace: Workspace) -> None:
    first, second = two_sources(workspace)
    renamed = first.model_copy(update={"source": source("road")})
    detected, *later = first.stages
    moved = detected.model_copy(update={"key": "f" * 40})
    elsewhere = first.model_copy(update={"stages": (moved, *later)})
    keys = {
        _key((first, second)),
        _key((second, first)),
        _key((first,)),
        _key((renamed, second)),
        _key((elsewhere, second)),
        _key((first, second), near_duplicate={"min": 5}),
        _key((first, second), near_duplicate={"min": 6}),
    }
    assert len(keys) == 7
