"""Final verdicts on the crops of a run: exact and near-duplicates across sources are removed."""

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
    """Remove duplicates from the crops of all sources, given in the order of the source list.

    Two sources with the same bytes have the same crops: the crop counts for the first source of
    the list, with its verdict. A kept crop that is a near-duplicate of a better kept one is dropped
    or put up for review, unless a curator decided to keep that very crop. Crops in `unmatted`
    displace no other crop, since the rules on their mask
    have not judged them yet.
    """
    distinct: dict[str, RunCrop] = {}
    repeated_by: dict[str, list[str]] = defaultdict(list)
    # The first of several sources with the same bytes keeps the crop, hence `setdefault`.
    for crop in crops:
        # A stem begins with the digest of the file, so equal stems mean the same picture of the
        # same file.
        if distinct.setdefault(crop.stem, crop) is not crop:
            repeated_by[crop.stem].append(crop.source_id)
    comparable = [crop for crop in distinct.values() if crop.stem not in unmatted]
    duplicates = find_near_duplicates(comparable, limits)
    settled = {
        stem: _final_crop(
            crop,
            None if _is_kept_for_itself(crop) else duplicates.get(stem),
            repeated_by.get(stem, []),
        )
        for stem, crop in distinct.items()
    }
    return RunCrops(tuple(settled.values()), tuple(_drops(crops, settled)))


def _is_kept_for_itself(crop: RunCrop) -> bool:
    decided = crop.verdict.decided
    return decided is not None and decided.is_kept_for_itself


def _final_crop(
    crop: RunCrop, duplicate: NearDuplicate | None, repeated_by: Sequence[str]
) -> RunCrop:
    # `crop.also_in` is set where the crops come from a run that was settled before, as in `retune`.
    also_in = (*crop.also_in, *repeated_by)
    if duplicate is None:
        # `crop` itself where nothing changes: `replace` would copy a row with some thirty measures.
        return replace(crop, also_in=also_in) if repeated_by else crop
    verdict, distance = crop.verdict, float(duplicate.distance)
    final = replace(
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
        # Last, after the rules of the crop's own source, which judged it first.
        failed_rules=(*verdict.failed_rules, "near_duplicate"),
        nearest_crop=duplicate.better_crop,
        measures={**verdict.measures, "near_duplicate": distance},
    )
    return replace(crop, also_in=also_in, near_source_id=duplicate.better_source, verdict=final)


def _drops(crops: Sequence[RunCrop], settled: dict[str, RunCrop]) -> Iterator[SourceDrop]:
    """Yield a drop for each crop that is removed because of another source's crop."""
    for crop in crops:
        final = settled[crop.stem]
        if crop.verdict.verdict == "drop":
            continue  # the filter of its own source has counted it
        if crop.source_id != final.source_id:
            yield _drop(
                crop,
                "same_media",
                f"Source {final.source_id} has the same file and comes first, so its crop counts.",
            )
        elif final.verdict.verdict == "drop":
            verdict = final.verdict
            yield _drop(
                crop, str(verdict.reason), str(verdict.sentence), verdict.value, verdict.bound
            )


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
