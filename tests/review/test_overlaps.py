"""Which rules fail the same crops."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.run_crops import Subset
from tasks.review.rule_stats import overlaps
from tests.dataset.builders import source, subset_of, verdicts_only
from tests.dataset.crops import Crop, failed

RULES = ["frame_cut", "sharpness", "exposure", "mask_whole"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("workspace"))


def _subset(workspace: Workspace, crops: list[Crop]) -> Subset:
    return subset_of(workspace, verdicts_only(workspace, source("street"), crops))


def test_in_a_run_without_sources_nothing_overlaps(workspace: Workspace) -> None:
    assert overlaps(subset_of(workspace)) == []


def test_rules_that_never_fail_together_do_not_overlap(workspace: Workspace) -> None:
    crops = [Crop("a"), failed("b", "sharpness"), failed("c", "exposure")]
    assert overlaps(_subset(workspace, crops)) == []


def test_an_overlap_tells_how_many_of_those_that_either_fails(workspace: Workspace) -> None:
    fails = ["sharpness,exposure", "sharpness,exposure", "sharpness", "exposure", "exposure"]
    crops = [failed(f"{n}", *rules.split(",")) for n, rules in enumerate(fails)]
    assert overlaps(_subset(workspace, crops)) == [("sharpness", "exposure", 2, 0.4)]


def test_the_most_frequent_overlaps_come_first_and_no_more_than_asked(workspace: Workspace) -> None:
    crops = [failed("a", *RULES), failed("b", "sharpness", "mask_whole")]
    found = [pair[:3] for pair in overlaps(_subset(workspace, crops), limit=2)]
    assert found == [("sharpness", "mask_whole", 2), ("exposure", "mask_whole", 1)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sets(st.sampled_from(RULES), min_size=1), max_size=8))
def test_every_pair_is_counted_once_whichever_rule_is_named_first(
    workspace: Workspace, fails: list[set[str]]
) -> None:
    crops = [failed(f"{n}", *sorted(rules, key=RULES.index)) for n, rules in enumerate(fails)]
    found = {
        frozenset((pair.rule, pair.other)): (pair.n_both, pair.share)
        for pair in overlaps(_subset(workspace, crops))
    }
    expected = {}
    for pair in map(frozenset, combinations(RULES, 2)):
        both = sum(pair <= rules for rules in fails)
        if both:
            expected[pair] = (both, both / sum(bool(pair & rules) for rules in fails))
    assert found == expected
