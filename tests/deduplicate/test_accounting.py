"""A near duplicate of another source's crop is one drop, whoever counts."""

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome
from tasks.common.schema.run_crops import RunCrops
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.build import inputs_key
from tasks.review.funnel import all_drops, funnel, reasons, source_lines
from tasks.review.report import contact_sheets
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.trees import lists_of, read_tree, recipe
from tests.deduplicate.builders import run_crops_of
from tests.review.builders import report_of
from tests.review.pages import Page

LOOK = 0x0123456789ABCDEF
NEAR = {"min": 5, "review_min": 8}
BOUNDS = RuleBounds.model_validate({"near_duplicate": NEAR})
SENTENCE = (
    "Its hash differs in only 1 of 64 bits from that of a better crop, street-a (source street); "
    "the bound is 5."
)


def two_alike(workspace: Workspace) -> tuple[SourceOutcome, ...]:
    """Return two sources: the cafe's first crop repeats the street's, its second nearly so."""
    first = [Crop("a", hash=LOOK, sharpness=0.9), Crop("b", "drop", "sharpness", "Soft.")]
    second = [Crop("a", hash=LOOK ^ 1), Crop("b", hash=LOOK ^ 0x7F), Crop("c")]
    return (judged(workspace, source("street"), first), judged(workspace, source("cafe"), second))


class Run(NamedTuple):
    workspace: Workspace
    outcomes: tuple[SourceOutcome, ...]
    crops: RunCrops


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    outcomes = two_alike(workspace)
    return Run(workspace, outcomes, run_crops_of(workspace, outcomes, BOUNDS))


def test_the_drop_is_listed_once_beside_those_of_the_stages(run: Run) -> None:
    drops = all_drops(run.outcomes, run.crops, run.workspace)
    assert [(drop.source_id, drop.item, drop.stage) for drop in drops] == [
        ("street", "street-b", "filter"),
        ("cafe", "cafe-a", "deduplicate"),
    ]


def test_the_drop_is_a_reason_of_its_own_stage(run: Run) -> None:
    assert reasons(all_drops(run.outcomes, run.crops, run.workspace)) == [
        ("filter", "sharpness", 1, "Soft."),
        ("deduplicate", "near_duplicate", 1, SENTENCE),
    ]


def test_the_funnel_leaves_it_out(run: Run) -> None:
    counts = {step.label: step.n for step in funnel(run.outcomes, run.crops.crops)}
    people = ("cropped", "matted", "kept or for review", "kept")
    assert [counts[label] for label in people] == [5, 5, 3, 2]


def test_its_source_has_one_kept_crop_less(run: Run) -> None:
    lines = source_lines(run.outcomes, run.crops)
    counts = [(line.source_id, line.n_kept, line.n_review) for line in lines]
    assert counts == [("street", 1, 0), ("cafe", 1, 1)]


def test_the_report_shows_it_among_the_dropped_with_its_sentence(run: Run) -> None:
    page = Page(report_of(run.workspace, *run.outcomes, near_duplicate=NEAR))
    for group in ("kept 2", "review: near_duplicate 1", "dropped: near_duplicate 1"):
        assert f" {group} " in page.text
    assert page.text.count(SENTENCE) == 2  # as the example of its reason and below its picture


def test_every_verdict_has_a_contact_sheet(run: Run) -> None:
    assert list(contact_sheets(run.crops.crops, run.workspace)) == ["drop", "keep", "review"]
    counts = Counter(crop.verdict.verdict for crop in run.crops.crops)
    assert counts == {"drop": 2, "keep": 2, "review": 1}


def test_the_tree_holds_the_better_one_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    tree = read_tree(workspace, *two_alike(workspace), bounds=BOUNDS)
    assert lists_of(tree) == {"train.txt": ["street-a"], "val.txt": ["cafe-c"]}
    assert json.loads(tree["dataset.json"])["n_samples"] == 2
    images = sorted(name for name in tree if name.startswith("img_dir/"))
    assert images == ["img_dir/train/street-a.jpg", "img_dir/val/cafe-c.jpg"]


def test_the_tree_lists_the_nearly_alike_for_review(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    tree = read_tree(workspace, *two_alike(workspace), bounds=BOUNDS)
    (line,) = tree["review.csv"].decode().splitlines()[1:]
    assert line.startswith("cafe-b,cafe,1.5,near_duplicate,7.0,8.0,")


def test_other_bounds_of_near_duplicate_name_another_tree(run: Run) -> None:
    names = {
        inputs_key(run.outcomes, recipe(), RuleBounds.model_validate(values))
        for values in ({}, {"near_duplicate": {"min": 5}}, {"near_duplicate": {"min": 6}})
    }
    assert len(names) == 3
