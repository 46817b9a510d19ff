"""The probability that a mask is good: a fitted model of few measures that explains itself."""

import json
from dataclasses import replace
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.masks import Target
from benchmarks.trust import (
    MEASURES,
    Fold,
    area_under_curve,
    calibration_error,
    fit,
    leave_one_out,
    reliability,
    yield_at,
)
from flows.engine.rule_findings import list_findings
from tasks.common.schema.columns import Measures
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.filter.measure import join_measures
from tasks.filter.rules import RULES, trust
from tasks.filter.trust import Term, Trust, parse_trust, shipped_trust
from tests.dataset.crops import Crop
from tests.deduplicate.builders import run_crop
from tests.filter.builders import GOOD, SOURCE, bounds_of, make_subject, mask_of, remeasured

MODEL = Trust(
    "small",
    0.5,
    (Term("expected_iou", 0.9, 0.05, 1.0), Term("mask_certainty", 0.6, 0.2, 0.5)),
    {},
)


def measures(**values: float | None) -> Measures:
    return {**dict.fromkeys(MEASURED_RULES), **values}


def text(**changes: Any) -> str:
    term = {"measure": "contrast", "centre": 1, "scale": 2, "weight": 3}
    whole = {"name": "a", "intercept": 0.0, "terms": [term], "fitted": {}}
    return json.dumps(whole | changes)


class TestModel:
    def test_an_average_mask_has_the_probability_of_the_intercept(self) -> None:
        average = measures(expected_iou=0.9, mask_certainty=0.6)
        assert isclose(MODEL.probability(average), 1 / (1 + np.exp(-0.5)))

    def test_the_log_odds_are_the_sum_of_the_parts(self) -> None:
        values = measures(expected_iou=0.8, mask_certainty=0.8)
        assert [(p.measure, round(p.log_odds, 9)) for p in MODEL.parts(values)] == [
            ("expected_iou", -2.0),
            ("mask_certainty", 0.5),
        ]
        assert isclose(MODEL.probability(values), 1 / (1 + np.exp(1.0)))

    def test_what_could_not_be_measured_moves_nothing(self) -> None:
        average = measures(expected_iou=0.9, mask_certainty=0.6)
        assert MODEL.probability(measures()) == MODEL.probability(average)

    def test_its_digest_is_that_of_what_decides(self) -> None:
        assert replace(MODEL, name="other", fitted={"n": 1}).digest == MODEL.digest
        assert replace(MODEL, intercept=0.6).digest != MODEL.digest
        assert replace(MODEL, terms=MODEL.terms[:1]).digest != MODEL.digest

    def test_a_file_is_read_as_it_was_written(self) -> None:
        assert parse_trust(text()).terms == (Term("contrast", 1, 2, 3),)

    @pytest.mark.parametrize(
        "broken",
        [
            "[]",
            text(terms=[{"measure": "contrast"}]),
            text(terms=3),
            text(more=1),
            text(terms=[{"measure": "contrast", "centre": 1, "scale": 0, "weight": 3}]),
            "no JSON",
        ],
    )
    def test_a_file_of_another_kind_is_refused(self, broken: str) -> None:
        with pytest.raises(ValueError, match=r"trust file|scale|Expecting value"):
            parse_trust(broken)


class TestShipped:
    def test_it_rests_on_measures_that_exist_and_pull_one_way(self) -> None:
        model = shipped_trust()
        assert {term.measure for term in model.terms} <= set(MEASURED_RULES) - {"trust"}
        assert all(term.weight > 0 for term in model.terms)

    def test_it_tells_what_it_was_fitted_to(self) -> None:
        together = shipped_trust().fitted["together"]
        assert together["n"] == sum(bin_["n"] for bin_ in together["reliability"])
        assert len(together["sequences"]) > 1

    def test_better_measures_are_trusted_more(self) -> None:
        worse = dict.fromkeys(MEASURES, 0.5)
        model = shipped_trust()
        assert model.probability(dict.fromkeys(MEASURES, 0.95)) > model.probability(worse)


class TestRule:
    def test_a_matted_crop_is_given_the_probability(self) -> None:
        (joined,) = join_measures([GOOD], [remeasured(GOOD, {"trust": None})])
        wanted = shipped_trust().probability(joined.measures)
        assert joined.measures["trust"] == pytest.approx(wanted, abs=1e-6)

    def test_a_crop_without_a_mask_has_none(self) -> None:
        before = remeasured(GOOD, {name: None for name in RULES if RULES[name].needs_mask})
        (joined,) = join_measures([before], [])
        assert joined.measures["trust"] is None

    def test_a_mask_that_somebody_drew_is_good(self, tmp_path: Path) -> None:
        subject = make_subject(tmp_path, mask=mask_of((0, 0, 30, 30)))
        assert trust.measure(subject) is None
        subject.crop = replace(subject.crop, given_path="drawn.png")
        assert trust.measure(subject) == 1.0
        assert trust.derive(measures(trust=1.0, expected_iou=0.1)) == 1.0


def targets(n: int, rng: np.random.Generator, shift: float = 0.0) -> list[Target]:
    """Return masks of which those of high measures are good, and a measure that says nothing."""
    found = []
    for number in range(n):
        quality = float(rng.normal())
        values = measures(
            expected_iou=0.85 + 0.05 * quality + 0.02 * float(rng.normal()),
            mask_certainty=0.6 + 0.1 * quality + 0.1 * float(rng.normal()),
            detector_confidence=float(rng.uniform(0.4, 0.9)),
        )
        iou = 0.9 + 0.03 * (quality + shift)
        sequence = "abcd"[number % 4]
        found.append(Target(sequence, iou, "keep", values, Path("a.jpg"), mask_of(), None))
    return found


class TestFit:
    def test_measures_that_tell_good_from_bad_get_weight(self) -> None:
        model = fit(targets(400, np.random.default_rng(0)), 0.5)
        weights = {term.measure: term.weight for term in model.terms}
        assert weights["expected_iou"] > 0.5
        assert weights["detector_confidence"] < 0.3 * weights["expected_iou"]

    def test_a_measure_that_pulls_the_wrong_way_gets_none(self) -> None:
        found = [
            one._replace(
                measures={**one.measures, "detector_confidence": 0.9 - 2 * (one.iou - 0.9)}
            )
            for one in targets(200, np.random.default_rng(1))
        ]
        assert fit(found, 0.5).terms[2].weight == 0.0

    def test_the_prior_is_what_an_average_mask_gets(self) -> None:
        found = targets(400, np.random.default_rng(2))
        low, high = fit(found, 0.2), fit(found, 0.8)
        assert high.intercept - low.intercept == pytest.approx(2 * np.log(4), abs=1e-6)

    def test_sequences_that_a_fit_did_not_see_are_told_apart(self) -> None:
        fold = leave_one_out(targets(400, np.random.default_rng(3)))
        assert area_under_curve(fold) > 0.9
        assert calibration_error(fold) < 0.1


class TestFigures:
    FOLD = Fold(np.array([0.95, 0.85, 0.75, 0.15]), np.array([0.97, 0.93, 0.7, 0.5]))

    def test_auroc_counts_pairs_in_order(self) -> None:
        assert area_under_curve(self.FOLD) == 1.0
        turned = self.FOLD._replace(probability=self.FOLD.probability[::-1])
        assert area_under_curve(turned) == 0.0
        assert area_under_curve(self.FOLD._replace(probability=np.full(4, 0.5))) == 0.5

    def test_the_yield_is_that_of_the_lowest_bound_that_is_pure_enough(self) -> None:
        assert yield_at(self.FOLD, 0.96) == (0.85, 1.0, 1.0)
        assert yield_at(self.FOLD, 0.6)[0] == 0.75

    def test_where_no_bound_is_pure_enough_nothing_is_kept(self) -> None:
        bad = Fold(np.array([0.9, 0.8]), np.array([0.5, 0.95]))
        assert yield_at(bad)[:2] == (1.0, 0.0)

    def test_the_bins_say_how_many_were_good(self) -> None:
        assert reliability(self.FOLD)[-1] == {"n": 1, "said": 0.95, "good": 1.0}
        assert calibration_error(self.FOLD) == pytest.approx((0.05 + 0.15 + 0.75 + 0.15) / 4)


class TestExplained:
    def test_the_crops_page_says_what_moved_it(self) -> None:
        crop = run_crop("a", Crop("a", measures={"trust": 0.4, "expected_iou": 0.7}))
        (finding,) = [
            one for one in list_findings(crop, SOURCE, bounds_of()) if one.rule == "trust"
        ]
        assert finding.value == "0.4"
        assert finding.sentence.startswith("Moved by ")
        assert "expected_iou -" in finding.sentence

    def test_a_mask_that_somebody_drew_was_moved_by_nothing(self) -> None:
        crop = run_crop("a", Crop("a", measures={"trust": 1.0}))
        (finding,) = [
            one for one in list_findings(crop, SOURCE, bounds_of()) if one.rule == "trust"
        ]
        assert finding.sentence == ""
