"""What the page of one crop shows."""

from typing import Any, NamedTuple

import numpy as np

from flows.desk.columns import CropColumns
from flows.desk.state import Desk
from flows.desk.view import View
from tasks.common.recipe.bounds import Bounds, RuleBounds
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.uri import redacted

_N_NEIGHBOURS = 9


class Zone(NamedTuple):
    """A part of a measure's scale, in percent of its width, and the verdict of values in it."""

    verdict: str
    start: float
    width: float


class MeasureBar(NamedTuple):
    """One rule's value on a scale with its bounds; `place` is in percent, None without a value."""

    rule: str
    value: str
    bounds: str
    verdict: str
    sentence: str
    place: float | None
    zones: tuple[Zone, ...]


def describe_crop(desk: Desk, crop_id: str, view: View) -> dict[str, Any]:
    """Return the values of a crop's page.

    Raises:
        InputError: none of the runs has the crop.
    """
    index, crop = desk.index, desk.pictures.crop(crop_id)
    row = index.row_of[crop_id]
    record = index.record_of(row)
    rows = desk.select(view).rows
    place = np.flatnonzero(rows == row)
    at = int(place[0]) if len(place) else None
    (tile,) = desk.tiles([row])
    corrected = desk.pictures.corrected(crop)
    return {
        "crop": crop,
        "tile": tile,
        "at": at,
        "total": len(rows),
        "previous": _id_at(index, rows, at, -1),
        "next": _id_at(index, rows, at, 1),
        "bars": measure_bars(desk, crop, record.recipe.filter),
        "corrected_by": corrected[2] if corrected is not None else "",
        "n_changed": int((corrected[0] != corrected[1]).sum()) if corrected is not None else 0,
        "has_frame": desk.pictures.frame_path(crop) is not None,
        "neighbours": desk.tiles(_neighbours(index, row)),
        "provenance": _provenance(desk, crop, row),
        "boot": {"query": view.query(), "tiles": [tile], "crop": crop_id},
    }


def _id_at(index: CropColumns, rows: Any, at: int | None, step: int) -> str | None:
    if at is None or not 0 <= at + step < len(rows):
        return None
    return index.crop_ids[int(rows[at + step])]


def _neighbours(index: CropColumns, row: int) -> list[int]:
    """Return the crops of the same media nearest in time, in the order of time."""
    own = np.flatnonzero(index.media.codes == index.media.codes[row])
    gaps = np.abs(index.time_s[own] - index.time_s[row])
    nearest = own[np.argsort(gaps, kind="stable")[:_N_NEIGHBOURS]]
    in_time: list[int] = nearest[np.argsort(index.time_s[nearest], kind="stable")].tolist()
    return in_time


def measure_bars(desk: Desk, crop: RunCrop, bounds: RuleBounds) -> list[MeasureBar]:
    """Return each rule's finding with its place on a scale."""
    bars = []
    for finding in desk.pictures.findings(crop):
        limits = bounds.of(finding.rule)
        value = crop.verdict.measures.get(finding.rule)
        scale = None
        if finding.rule in MEASURED_RULES:
            scale = _scale(desk.index, finding.rule, limits if isinstance(limits, Bounds) else None)
        place = None if scale is None or value is None else _percent(value, scale)
        zones = () if scale is None or not isinstance(limits, Bounds) else _zones(limits, scale)
        bars.append(
            MeasureBar(
                finding.rule,
                finding.value,
                finding.bounds,
                finding.verdict,
                finding.sentence,
                place,
                zones,
            )
        )
    return bars


def _scale(index: CropColumns, rule: str, limits: Bounds | None) -> tuple[float, float] | None:
    """Return the ends of a measure's scale: those of the run's values and the bounds."""
    values = index.measure(rule)
    known = values[~np.isnan(values)]
    ends = [*(limits.by_name().values() if limits else ())]
    if len(known):
        # Not the extremes: one odd crop would press all others into a corner.
        ends += np.quantile(known, [0.005, 0.995]).tolist()
    if not ends:
        return None
    low, high = min(ends), max(ends)
    margin = (high - low) * 0.05 or 0.5
    return low - margin, high + margin


def _percent(value: float, scale: tuple[float, float]) -> float:
    share = (value - scale[0]) / (scale[1] - scale[0])
    return round(100 * min(max(share, 0.0), 1.0), 2)


def _zones(limits: Bounds, scale: tuple[float, float]) -> tuple[Zone, ...]:
    # Bounds that are not set have no zone of their own.
    has_review_low = limits.review_min is not None
    edges: list[tuple[float, str]] = []
    if limits.min is not None or has_review_low:
        edges.append((scale[0], "drop" if limits.min is not None else "review"))
    else:
        edges.append((scale[0], "keep"))
    if limits.min is not None:
        edges.append((limits.min, "review" if has_review_low else "keep"))
    if limits.review_min is not None:
        edges.append((limits.review_min, "keep"))
    if limits.review_max is not None:
        edges.append((limits.review_max, "review"))
    if limits.max is not None:
        edges.append((limits.max, "drop"))
    ends = [edge for edge, _ in edges[1:]] + [scale[1]]
    return tuple(
        Zone(
            verdict, _percent(start, scale), round(_percent(end, scale) - _percent(start, scale), 2)
        )
        for (start, verdict), end in zip(edges, ends, strict=True)
    )


def _provenance(desk: Desk, crop: RunCrop, row: int) -> list[tuple[str, str]]:
    """Return where a crop comes from, as the keys of texts and their values."""
    source, record = desk.index.sources[crop.source_id], desk.index.record_of(row)
    box = crop.crop.crop_box_xyxy
    values = [
        ("run", record.run_id),
        ("source", crop.source_id),
        ("uri", redacted(source.uri)),
        ("uploader", source.uploader or ""),
        ("licence", source.licence or ""),
        ("attribution", source.attribution or ""),
        ("tags", ", ".join(source.scenes)),
        ("scenes", ", ".join(name for name, flags in desk.facts.scenes.items() if flags[row])),
        ("split", desk.facts.split.name(row)),
        ("time", f"{crop.crop.time_s:.2f} s"),
        ("frame_size", "{} x {}".format(*crop.crop.frame_size_wh)),
        ("crop_size", f"{int(box.width)} x {int(box.height)}"),
        ("projection", crop.crop.projection),
        ("camera", crop.crop.captured_with or ""),
        ("channel", (crop.matte.channel or crop.matte.model) if crop.matte else ""),
        ("also_in", ", ".join(crop.also_in)),
        ("nearest", crop.verdict.nearest_crop or ""),
    ]
    return [(key, value) for key, value in values if value]
