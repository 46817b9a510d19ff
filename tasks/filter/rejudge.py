"""Judge crops under other bounds from stored measures, without pictures and models."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Drop, Source
from tasks.common.schema.rows import JudgedCrop
from tasks.filter.corrected import settle_all
from tasks.filter.decided import settle_by_decisions
from tasks.filter.judge import NO_RULINGS, Rulings, drop_empty_mask, is_matted, judge_source

_EMPTY = "mask_empty"


class Rejudged(NamedTuple):
    """Verdicts under other bounds.

    `unmatted` are the ids of crops that would now be admitted to matting but never were matted: the
    verdicts of the rules after matting are unknown until the next ingest.
    """

    crops: list[JudgedCrop]
    unmatted: frozenset[str]


def rejudge(
    crops: Sequence[JudgedCrop],
    source: Source,
    bounds: RuleBounds,
    channels: Mapping[str, str | None] = MappingProxyType({}),
    rulings: Rulings = NO_RULINGS,
) -> Rejudged:
    """Judge the crops of one source again, from the measures that their verdicts hold.

    `channels` are the annotation sources of the masks by crop id: people settle doubts about them.
    `rulings` are what curators decided: those of the stored verdicts do not count.
    """
    # Their reason is no rule, so bounds cannot give it back: the matting model's finding must be
    # carried over.
    empty = {crop.crop_id: _matte_drop(crop) for crop in crops if _EMPTY in crop.failed_rules}
    matted = {crop.crop_id for crop in crops if is_matted(crop.measures)}
    rejudged, unmatted = [], set()
    judged = judge_source([crop.measured for crop in crops], source, bounds, matted, rulings)
    by_rules = settle_all(judged, source, bounds, channels)
    decided = settle_by_decisions(by_rules, source, bounds, channels, rulings)
    for of_rules, crop in zip(by_rules, decided, strict=True):
        is_out = crop.verdict == "drop" == of_rules.verdict
        is_known = crop.crop_id in matted or crop.crop_id in empty
        if crop.verdict != "drop" and not is_known:
            unmatted.add(crop.crop_id)
        # A crop that the new bounds drop before matting would get no mask, not an empty one.
        rejudged.append(crop if is_out else drop_empty_mask(crop, empty.get(crop.crop_id)))
    return Rejudged(rejudged, frozenset(unmatted))


def _matte_drop(crop: JudgedCrop) -> Drop:
    """Return the drop of the matte stage that the verdict repeats."""
    return Drop(
        item=crop.crop_id,
        stage="matte",
        reason=_EMPTY,
        value=crop.value,
        bound=crop.bound,
        sentence=crop.sentence or "",
    )
