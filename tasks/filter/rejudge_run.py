"""Judge the crops of a whole run under other bounds, source by source."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Source
from tasks.common.schema.rows import RunCrop
from tasks.filter.judge import NO_RULINGS, Rulings
from tasks.filter.rejudge import rejudge


class RejudgedRun(NamedTuple):
    """The crops of a run with the verdicts of their own sources' filters under other bounds.

    They are not yet compared with those of other sources. `unmatted` are the ids of crops that
    would be admitted to matting but never were matted.
    """

    crops: list[RunCrop]
    unmatted: frozenset[str]


def rejudge_run(
    crops: Iterable[RunCrop],
    sources: Mapping[str, Source],
    bounds: RuleBounds,
    rulings: Rulings = NO_RULINGS,
) -> RejudgedRun:
    """Judge the crops of a run again, from the measures in their rows; `sources` are by id."""
    # By source: `near_duplicate` compares the crops of one source with each other.
    by_source: dict[str, list[RunCrop]] = defaultdict(list)
    for crop in crops:
        by_source[crop.source_id].append(crop)
    judged: list[RunCrop] = []
    unmatted: set[str] = set()
    for source_id, own in by_source.items():
        channels = {crop.crop.crop_id: crop.matte.channel for crop in own if crop.matte}
        verdicts = [crop.verdict for crop in own]
        rejudged = rejudge(verdicts, sources[source_id], bounds, channels, rulings)
        unmatted |= rejudged.unmatted
        for crop, verdict in zip(own, rejudged.crops, strict=True):
            # `near_source_id` comes from the comparison across sources, which follows.
            judged.append(replace(crop, verdict=verdict, near_source_id=None))
    return RejudgedRun(judged, frozenset(unmatted))
