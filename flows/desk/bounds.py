"""Bounds as sliders over histograms: what other bounds would change, from stored measures."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.desk.changes import read_body
from flows.desk.columns import CropColumns
from flows.desk.recipes import recipe_path, save_recipe, unit_of
from flows.desk.site import render, site_of
from flows.desk.state import Desk
from tasks.common.errors import InputError
from tasks.common.recipe.bounds import Bounds, RuleBounds
from tasks.common.records import Record
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.validation import explain_validation

_BINS = 60
_MOST_TILES = 48
_NAMES = ("min", "review_min", "review_max", "max")
_SHARES = (0.0, 1.0)
Changes = Mapping[str, float | None]


class Limit(NamedTuple):
    """One bound of a rule: its value, None where it is not set, and its place in percent."""

    name: str
    value: float | None
    place: float


class RuleHistogram(NamedTuple):
    """The values of a rule as bars, 0..100, on a scale from `low` to `high`, and its bounds."""

    rule: str
    unit: str
    low: float
    high: float
    step: float
    bars: tuple[float, ...]
    n_missing: int
    limits: tuple[Limit, ...]


def page(request: Request) -> Response:
    """Show the histogram of every rule with its bounds as sliders."""
    desk = site_of(request).desk
    recipe = desk.index.records[0].recipe
    changes = _changes_of(request)
    return render(
        request,
        "bounds.html.j2",
        rules=histograms(desk.index, recipe.filter),
        recipe=recipe.name,
        result=judged(desk, changes),
        boot={"changes": dict(changes)},
    )


def histograms(index: CropColumns, bounds: RuleBounds) -> list[RuleHistogram]:
    """Return the histograms of all rules that measured something, those with bounds first."""
    found = []
    for rule in MEASURED_RULES:
        values = index.measure(rule)
        known = values[~np.isnan(values)]
        limits = bounds.of(rule)
        set_bounds = limits.by_name() if isinstance(limits, Bounds) else {}
        if len(known) or set_bounds:
            found.append(_histogram(rule, known, set_bounds, len(values) - len(known)))
    return sorted(found, key=lambda line: all(limit.value is None for limit in line.limits))


def _histogram(
    rule: str, values: Any, set_bounds: Mapping[str, float], n_missing: int
) -> RuleHistogram:
    unit = unit_of(rule)
    low, high = _span(values, list(set_bounds.values()), unit)
    counts, _ = np.histogram(np.clip(values, low, high), _BINS, (low, high))
    # By the root of the number: the few odd ones are what a bound is about, and stay visible.
    heights = np.sqrt(counts / max(1, counts.max())) * 100
    limits = tuple(
        Limit(
            name,
            set_bounds.get(name),
            round(100 * (set_bounds.get(name, low) - low) / (high - low), 2),
        )
        for name in _NAMES
        if rule != "near_duplicate" or "min" in name
    )
    step = float(f"{(high - low) / 200:.1g}")
    return RuleHistogram(
        rule, unit, low, high, step, tuple(heights.round(1).tolist()), n_missing, limits
    )


def _span(values: Any, bounds: list[float], unit: str) -> tuple[float, float]:
    if unit == "share":
        return _SHARES
    ends = [*bounds]
    if len(values):
        # Not the extremes: one odd crop would press all others into a corner.
        ends += np.quantile(values, [0.0, 0.995]).tolist()
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    return (low, high) if high > low else (low, low + 1.0)


def judge(request: Request) -> Response:
    """Return what changed bounds would do: counts, and crops that enter and leave."""
    return JSONResponse(judged(site_of(request).desk, _changes_of(request)))


def judged(desk: Desk, changes: Changes) -> dict[str, Any]:
    """Return the counts now and under changed bounds, and tiles of what moves, as plain values."""
    recipe = desk.index.records[0].recipe
    decisions = desk.decisions
    change = desk.sliders.change(
        bounds_with(recipe.filter, changes), decisions.rulings, decisions.decided.revision
    )
    n = len(desk.index) or 1
    return {
        "before": change.before,
        "after": change.after,
        "yield_before": round(100 * change.before["keep"] / n, 1),
        "yield_after": round(100 * change.after["keep"] / n, 1),
        "n_entering": len(change.entering),
        "n_leaving": len(change.leaving),
        "entering": desk.tiles(change.entering[:_MOST_TILES].tolist()),
        "leaving": desk.tiles(change.leaving[:_MOST_TILES].tolist()),
    }


def bounds_with(bounds: RuleBounds, changes: Changes) -> RuleBounds:
    """Return bounds with some of them changed; None takes one away.

    Raises:
        InputError: a change names no bound, or the bounds do not rise.
    """
    values = bounds.model_dump(exclude_none=True)
    for key, value in changes.items():
        rule, _, name = key.partition(".")
        if rule not in MEASURED_RULES or name not in _NAMES:
            raise InputError(f"{key[:60]!r} is no bound; expected one such as sharpness.min.")
        own = values.setdefault(rule, {})
        own.pop(name, None)
        if value is not None:
            own[name] = value
        # A rule without a bound is no rule of the recipe.
        if not set(own) & set(_NAMES):
            del values[rule]
    try:
        return RuleBounds.model_validate(values)
    except ValidationError as error:
        raise InputError(explain_validation(error, "bounds", RuleBounds)) from error


def _changes_of(request: Request) -> dict[str, float | None]:
    """Return the changed bounds in an address, as in `c=sharpness.min:0.5`; `off` removes one."""
    changes: dict[str, float | None] = {}
    for text in request.query_params.getlist("c"):
        key, _, value = text.partition(":")
        try:
            changes[key] = None if value == "off" else float(value)
        except ValueError as error:
            raise InputError(f"{text[:60]!r}: expected rule.bound:number.") from error
    return changes


class Save(Record):
    """A recipe to be saved with changed bounds."""

    name: str = Field(min_length=1, max_length=60)
    changes: dict[str, float | None] = Field(max_length=100)
    author: str = ""


async def save(request: Request) -> Response:
    """Save the run's recipe with changed bounds under a new name, comments kept."""
    wanted: Save = await read_body(request, Save)
    return await run_in_threadpool(_save, site_of(request).desk, wanted)


def _save(desk: Desk, wanted: Save) -> Response:
    recipe = desk.index.records[0].recipe
    bounds_with(recipe.filter, wanted.changes)
    target = recipe_path(wanted.name)
    save_recipe(recipe, wanted.changes, target)
    return JSONResponse({"name": wanted.name, "path": str(target)})
