"""Each crop of a run once, with its last verdict: nothing twice, whichever source it is from."""

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace

from tasks.common.recipe.bounds import BitBounds
from tasks.common.records import SourceDrop
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.run_crops import RunCrops
from tasks.deduplicate.near_duplicates import NearDuplicate, find_near_duplicates

_NOTHING: frozenset[str] = frozenset()


def settle(
    crops: Sequence[RunCrop], limits: BitBounds | None, unmatted: Container[str] = _NOTHING
) -> RunCrops:
    """Take duplicates out of the crops of all sources, which come in the order of the sources.

    Two sources with the same bytes have the same crops; the first in the list gives its name and
    its verdict. A kept crop that nearly repeats a better kept one is dropped or put up for review.
    Crops in `unmatted` displace no other, since it is not known yet whether they will be kept.
    """
    distinct: dict[str, RunCrop] = {}
    repeated_by: dict[str, list[str]] = defaultdict(list)
    for crop in crops:
        if distinct.setdefault(crop.stem, crop) is not crop:
            repeated_by[crop.stem].append(crop.source_id)
    comparable = [crop for crop in distinct.values() if crop.stem not in unmatted]
    duplicates = find_near_duplicates(comparable, limits)
    settled = {
        stem: _settle_one(crop, duplicates.get(stem), repeated_by.get(stem, []))
        for stem, crop in distinct.items()
    }
    return RunCrops(tuple(settled.values()), tuple(_drops(crops, settled)))


def _settle_one(
    crop: RunCrop, duplicate: NearDuplicate | None, repeated_by: Sequence[str]
) -> RunCrop:
    also_in = (*crop.also_in, *repeated_by)
    if duplicate is None:
        return replace(crop, also_in=also_in) if repeated_by else crop
    verdict, distance = crop.verdict, float(duplicate.distance)
    last = replace(
        verdict,
        verdict=duplicate.verdict,
        reason="near_duplicate",
        value=distance,
        bound=duplicate.bound,
        sentence=(
            f"Its hash differs in only {duplicate.distance} of 64 bits from that of a better crop, "
            f"{duplicate.better_crop} (source {duplicate.better_source}); the bound is "
            f"{duplicate.bound:.0f}."
        ),
        failed_rules=(*verdict.failed_rules, "near_duplicate"),
        nearest_crop=duplicate.better_crop,
        measures={**verdict.measures, "near_duplicate": distance},
    )
    return replace(crop, also_in=also_in, near_source_id=duplicate.better_source, verdict=last)


def _drops(crops: Sequence[RunCrop], settled: dict[str, RunCrop]) -> Iterator[SourceDrop]:
    """Yield a drop for each crop that is out only because another source has it too."""
    for crop in crops:
        last = settled[crop.stem]
        if crop.verdict.verdict == "drop":
            continue  # the filter of its own source accounts for it
        if crop.source_id != last.source_id:
            yield _drop(
                crop,
                "same_media",
                f"Source {last.source_id} has the same file and comes first, so its crop counts.",
            )
        elif last.verdict.verdict == "drop":
            word = last.verdict
            yield _drop(crop, str(word.reason), str(word.sentence), word.value, word.bound)


def _drop(
    crop: RunCrop,
    reason: str,
    sentence: str,
    value: float | None = None,
    bound: float | None = None,
) -> SourceDrop:
    return SourceDrop(
        source_id=crop.source_id,
        item=crop.stem,
        stage="deduplicate",
        reason=reason,
        value=value,
        bound=bound,
        sentence=sentence,
    )
