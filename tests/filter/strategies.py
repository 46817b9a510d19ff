"""Arbitrary measures and bounds, for laws that hold of all of them."""

from dataclasses import replace
from typing import Any, get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.schema.rows import MeasuredCrop
from tests.filter.builders import GOOD, bounds_of, remeasured

_LARGEST = {"share": 1.0, "px": 500.0, "ratio": 5.0, "bits": 64.0, "ΔE": 100.0}
_LEAST = {"ratio": 1.0}
_NAMES = ("min", "review_min", "review_max", "max")
NEAR = "near_duplicate"
# Before and after matting, of every unit; the others are as good as can be.
_VARIED = ("person_height_px", "frame_cut", "sharpness", "distortion", "mask_whole", "contrast")


def _unit(rule: str) -> str:
    return str(get_args(RuleBounds.model_fields[rule].annotation)[0].unit)


def _values(rule: str) -> SearchStrategy[float]:
    unit = _unit(rule)
    steps = st.integers(0, 8).map(lambda step: step / 8)  # coarse, so that bounds are hit exactly
    low = _LEAST.get(unit, 0.0)
    return steps.map(lambda step: low + step * (_LARGEST[unit] - low))


@st.composite
def _limits(draw: st.DrawFn, rule: str) -> dict[str, Any]:
    names = ("min", "review_min") if _unit(rule) == "bits" else _NAMES
    chosen = [name for name in names if draw(st.booleans())] or ["min"]
    numbers = sorted(draw(_values(rule)) for _ in chosen)
    missing = draw(st.sampled_from(["keep", "review", "drop"]))
    return dict(zip(chosen, numbers, strict=True)) | {"missing": missing}


@st.composite
def rule_bounds(draw: st.DrawFn) -> RuleBounds:
    """Return bounds for some of the measured rules."""
    rules = draw(st.sets(st.sampled_from((*_VARIED, NEAR)), max_size=4))
    return bounds_of(**{rule: draw(_limits(rule)) for rule in sorted(rules)})


def _hashes() -> SearchStrategy[str]:
    """Return hashes that are often near to each other."""
    bits = st.sets(st.integers(0, 63), max_size=3)
    base = st.sampled_from([0, (1 << 64) - 1])
    return st.builds(lambda start, flips: start ^ sum(1 << bit for bit in flips), base, bits).map(
        lambda number: f"{number:016x}"
    )


@st.composite
def measured_crops(draw: st.DrawFn, max_size: int = 5) -> list[MeasuredCrop]:
    """Return the measures of one source's crops, each value missing now and then."""
    crops = []
    for number in range(draw(st.integers(0, max_size))):
        values = {rule: draw(st.none() | _values(rule)) for rule in _VARIED}
        crop = replace(
            GOOD, crop_id=f"c{number}", hash=draw(_hashes()), mirror_hash=draw(_hashes())
        )
        crops.append(remeasured(crop, values))
    return crops
