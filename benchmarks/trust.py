"""Fit the probability that a mask is good to masks drawn by people, and tell how far it holds.

    python -m benchmarks.trust FOLDER --recipes local,demo --every 4 --to tasks/filter/trust.json

FOLDER is laid out as for `benchmarks.masks`. A mask is good if its IoU with the drawn one is at
least 0.90. Every figure is of sequences that the fit did not see: one is left out at a time. The
file that is written is fitted to all of them and names those figures.

The log odds are a weighted sum of few measures, with weights that are not negative. Classes count
alike in each fit and the share of good masks is put back afterwards: else a fit that misses the
sequence with most bad masks also takes masks to be better than they are.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.masks import USABLE, Target, masks_asked, parser_of, targets
from benchmarks.stages import Clock, workspace_in
from tasks.common.recipe.models import load_recipe
from tasks.filter.trust import GOOD_IOU, Term, Trust

Floats = NDArray[np.float64]

MEASURES = ("expected_iou", "mask_certainty", "detector_confidence")
_L2 = 3.0  # ridge penalty on the weights of standardised measures; 1 to 3 gave the same
_PURITY = 0.96
_BINS = 10


class Fold(NamedTuple):
    """Targets with the probabilities that a model gives which never saw their sequence."""

    probability: Floats
    iou: Floats

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which masks are good."""
        return self.iou >= GOOD_IOU


def fit(found: Sequence[Target], prior: float, measures: Sequence[str] = MEASURES) -> Trust:
    """Fit a model to these targets; `prior` is the share of good masks that it assumes."""
    values, good = _values(found, measures), np.array([one.iou >= GOOD_IOU for one in found])
    centre, scale = values.mean(axis=0), values.std(axis=0) + 1e-9
    weights = _weights(found, good)
    standard = (values - centre) / scale
    intercept, *slopes = _minimum(standard, good.astype(np.float64), weights)
    terms = [
        Term(name, round(float(c), 6), round(float(s), 6), round(float(w), 6))
        for name, c, s, w in zip(measures, centre, scale, slopes, strict=True)
    ]
    return Trust("", round(float(intercept + _logit(prior)), 6), tuple(terms), {})


def leave_one_out(found: Sequence[Target], measures: Sequence[str] = MEASURES) -> Fold:
    """Return what models that did not see a target's sequence say of it."""
    prior = float(np.mean([one.iou >= GOOD_IOU for one in found]))
    by_sequence = {
        name: fit([one for one in found if one.sequence != name], prior, measures)
        for name in {one.sequence for one in found}
    }
    said = [by_sequence[one.sequence].probability(one.measures) for one in found]
    return Fold(np.array(said), np.array([one.iou for one in found]))


def _values(found: Sequence[Target], measures: Sequence[str]) -> Floats:
    rows = [[one.measures[name] for name in measures] for one in found]
    values = np.array(rows, np.float64)
    # A measure that could not be taken says nothing: the mean of the others.
    means = np.nanmean(values, axis=0)
    return np.where(np.isnan(values), means, values)


def _weights(found: Sequence[Target], good: NDArray[np.bool_]) -> Floats:
    """Return a weight per target: long sequences count less than their length, classes alike."""
    counts = Counter(one.sequence for one in found)
    weights = np.array([counts[one.sequence] ** -0.5 for one in found])
    for of_class in (good, ~good):
        weights[of_class] *= len(found) / 2 / max(weights[of_class].sum(), 1e-9)
    return weights


def _minimum(values: Floats, good: Floats, weights: Floats) -> Floats:
    """Return intercept and slopes of least weighted log loss, slopes not below 0."""

    def loss(b: Floats) -> tuple[float, Floats]:
        z = b[0] + values @ b[1:]
        error = weights * (1.0 / (1.0 + np.exp(-z)) - good)
        value = float(
            (weights * (np.logaddexp(0.0, z) - good * z)).sum() + _L2 * (b[1:] ** 2).sum()
        )
        return value, np.concatenate([[error.sum()], values.T @ error + 2 * _L2 * b[1:]])

    n_slopes = values.shape[1]
    bounds = [(None, None)] + [(0.0, None)] * n_slopes
    found = minimize(loss, np.zeros(n_slopes + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x, np.float64)


def _logit(share: float) -> float:
    share = min(max(share, 0.01), 0.99)
    return float(np.log(share / (1.0 - share)))


def area_under_curve(fold: Fold) -> float:
    """Return how often a good mask has a higher probability than a bad one (AUROC)."""
    good, bad = fold.probability[fold.good], fold.probability[~fold.good]
    if not len(good) or not len(bad):
        return float("nan")
    higher = good[:, None] > bad[None, :]
    equal = good[:, None] == bad[None, :]
    return float(np.mean(higher + 0.5 * equal))


def reliability(fold: Fold) -> list[dict[str, float]]:
    """Return the bins of the reliability diagram: how many, what was said, what was good."""
    bins = np.clip((fold.probability * _BINS).astype(int), 0, _BINS - 1)
    return [
        {
            "n": int(np.count_nonzero(bins == number)),
            "said": round(float(fold.probability[bins == number].mean()), 3),
            "good": round(float(fold.good[bins == number].mean()), 3),
        }
        for number in range(_BINS)
        if (bins == number).any()
    ]


def calibration_error(fold: Fold) -> float:
    """Return the mean distance of what is said from what is good, over the bins (ECE)."""
    bins = reliability(fold)
    return sum(one["n"] * abs(one["said"] - one["good"]) for one in bins) / len(fold.iou)


def yield_at(fold: Fold, purity: float = _PURITY) -> tuple[float, float, float]:
    """Return the lowest bound at which so many of the kept are good, the yield, the usable share.

    The yield is the share of all good masks that are kept.
    """
    order = np.argsort(-fold.probability, kind="stable")
    pure = np.cumsum(fold.good[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero(pure >= purity)
    if not len(reached):
        return 1.0, 0.0, float("nan")
    kept = order[: reached[-1] + 1]
    usable = float(np.mean(fold.iou[kept] >= USABLE))
    bound = float(fold.probability[kept[-1]])
    return bound, float(fold.good[kept].sum() / max(1, fold.good.sum())), usable


def report(found: Sequence[Target]) -> dict[str, object]:
    """Return the figures of sequences that the fit did not see."""
    fold = leave_one_out(found)
    bound, reached, usable = yield_at(fold)
    return {
        "n": len(found),
        "sequences": sorted({one.sequence for one in found}),
        "good": round(float(fold.good.mean()), 3),
        "auroc": round(area_under_curve(fold), 3),
        "calibration_error": round(calibration_error(fold), 3),
        "at_purity_0.96": {
            "bound": round(bound, 3),
            "yield": round(reached, 3),
            "usable": round(usable, 3),
        },
        "reliability": reliability(fold),
    }


def main() -> None:
    """Print the figures by recipe; with `--to`, write the model that all of them are fitted to."""
    parser = parser_of(__doc__)
    parser.add_argument("--recipes", default="local", help="recipes, separated by commas")
    parser.add_argument("--name", default="", help="the model's name, such as 2026-11")
    parser.add_argument("--to", type=Path, help="write the model to this file")
    asked = parser.parse_args()
    recipes = {name: load_recipe(name) for name in asked.recipes.split(",")}
    masks = masks_asked(asked)
    pooled: list[Target] = []
    figures: dict[str, object] = {}
    with workspace_in(asked.workspace) as workspace:
        for name, recipe in recipes.items():
            found = list(targets(masks, recipe, workspace, Clock()))
            measured = [one for one in found if one.measures["expected_iou"] is not None]
            figures[name] = report(measured)
            print(name, json.dumps(figures[name]))
            pooled += measured
    figures["together"] = report(pooled)
    print("together", json.dumps(figures["together"]))
    if asked.to is not None:
        model = fit(pooled, float(np.mean([one.iou >= GOOD_IOU for one in pooled])))
        named = asdict(model) | {"name": asked.name, "fitted": figures}
        asked.to.write_text(json.dumps(named, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
