"""Which rules fail the same crops."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.schema.rows import RunCrop
from tasks.review.rule_stats import overlaps
from tests.dataset.crops import Crop, failed
from tests.deduplicate.builders import run_crop

RULES = ["frame_cut", "sharpness", "exposure", "mask_whole"]


def _judged(crops: list[Crop]) -> list[RunCrop]:
    return [run_crop("street", crop) for crop in crops]


def test_in_a_run_without_sources_nothing_overlaps() -> None:
    assert overlaps([]) == []


def test_rules_that_never_fail_together_do_not_overlap() -> None:
    crops = [Crop("a"), failed("b", "sharpness"), failed("c", "exposure")]
    assert overlaps(_judged(crops)) == []


def test_an_overlap_tells_how_many_of_those_that_either_fails() -> None:
    fails = ["sharpness,exposure", "sharpness,exposure", "sharpness", "exposure", "exposure"]
    crops = [failed(f"{n}", *rules.split(",")) for n, rules in enumerate(fails)]
    assert overlaps(_judged(crops)) == [("sharpness", "exposure", 2, 0.4)]


def test_the_most_frequent_overlaps_come_first_and_no_more_than_asked() -> None:
    crops = [failed("a", *RULES), failed("b", "sharpness", "mask_whole")]
    found = [pair[:3] for pair in overlaps(_judged(crops), limit=2)]
    assert found == [("sharpness", "mask_whole", 2), ("exposure", "mask_whole", 1)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sets(st.sampled_from(RULES), min_size=1), max_size=8))
def test_every_pair_is_counted_once_whichever_rule_is_named_first(fails: list[set[str]]) -> None:
    crops = [failed(f"{n}", *sorted(rules, key=RULES.index)) for n, rules in enumerate(fails)]
    found = {
        frozenset((pair.rule, pair.other)): (pair.n_both, pair.share)
        for pair in overlaps(_judged(crops))
    }
    expected = {}
    for pair in map(frozenset, combinations(RULES, 2)):
        both = sum(pair <= rules for rules in fails)
        if both:
            expected[pair] = (both, both / sum(bool(pair & rules) for rules in fails))
    assert found == expected
