"""`dataset.json`: what the card says, for machines."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from tasks.common.recipe.publish import PublishRecipe
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.records import Drop, Source
from tasks.common.schema.provenance import origin_of
from tasks.dataset.figures import Histogram, histogram
from tasks.dataset.samples_csv import n_boxes_of, size_of
from tasks.dataset.selection import Sample, Selection
from tasks.dataset.split_files import SplitList
from tasks.dataset.takedowns import media_of
from tasks.deduplicate.run_crops import Subset
from tasks.review.funnel import all_drops, reasons

Facts = dict[str, Any]
NOT_GIVEN = "not given"


def facts_of(
    selection: Selection,
    lists: Sequence[SplitList],
    subset: Subset,
    recipe: PublishRecipe,
    split: Facts,
) -> Facts:
    """Return all that is known of a subset as JSON values.

    `subset` holds the sources that came through, `split` is what the proof says of the shares.
    """
    samples = selection.samples
    sources = [source for _, source in sorted(_sources(samples).items())]
    return {
        "name": recipe.name,
        "role": recipe.role,
        "against": list(recipe.against),
        "description": recipe.description,
        "classes": ["background", "person"],
        **_measures(samples),
        "lists": [_of_list(one) for one in lists],
        "split": split,
        "scenes": _scenes(samples, recipe),
        "tags_without_scene": SceneFinder(recipe).strange_tags(sources),
        "overrides_of_nothing": _strange_overrides(subset, recipe),
        "sources": _told(sources, samples),
        "same_bytes": _same_bytes(samples, subset),
        "licences": _count(sample.judged.source.licence for sample in samples),
        "batches": _count(sample.judged.source.batch for sample in samples),
        "channels": _count(sample.channel for sample in samples),
        "dropped": _dropped(subset, selection),
        "histograms": {name: found._asdict() for name, found in histograms(samples).items()},
        "limits": list(recipe.limits),
    }


def histograms(samples: Iterable[Sample]) -> dict[str, Histogram]:
    """Return how the pictures' longer sides (px) and the subject's shares (0..1) spread."""
    samples = list(samples)
    sides = [float(max(size_of(sample))) for sample in samples]
    shares = [sample.judged.verdict["subject_share"] for sample in samples]
    known = [share for share in shares if share is not None]
    return {
        "longer_side_px": histogram(sides, 0.0),
        "subject_share": histogram(known, 0.0, 1.0),
    }


def _measures(samples: Sequence[Sample]) -> Facts:
    """Count pictures and detection boxes, and take the mean size, each by its own name."""
    sizes = [size_of(sample) for sample in samples]
    return {
        "n_samples": len(samples),
        "n_boxes": sum(map(n_boxes_of, samples)),
        "mean_height_px": round(fmean(size.height for size in sizes)) if sizes else 0,
        "mean_width_px": round(fmean(size.width for size in sizes)) if sizes else 0,
    }


def _of_list(one: SplitList) -> Facts:
    told = {"name": one.name, "file": one.file, "split": one.side, "scene": one.scene}
    return told | _measures(one.samples)


def _scenes(samples: Iterable[Sample], recipe: PublishRecipe) -> list[Facts]:
    counts = Counter(scene for sample in samples for scene in sample.scenes)
    told = [
        {"id": scene.id, "zh": scene.zh, "en": scene.en, "n_samples": counts.pop(scene.id, 0)}
        for scene in recipe.scenes
    ]
    own = [{"id": scene, "zh": scene, "en": scene, "n_samples": n} for scene, n in counts.items()]
    return told + sorted(own, key=lambda scene: str(scene["id"]))


def _strange_overrides(subset: Subset, recipe: PublishRecipe) -> list[str]:
    if not recipe.scene_overrides:
        return []
    items = {outcome.source.source_id for outcome in subset.outcomes}
    items |= {row["crop_id"] for _, row in subset.verdicts()}
    return SceneFinder(recipe).strange_overrides(items)


def _sources(samples: Iterable[Sample]) -> dict[str, Source]:
    return {sample.judged.source.source_id: sample.judged.source for sample in samples}


def _told(sources: Iterable[Source], samples: Iterable[Sample]) -> list[Facts]:
    counts = Counter(sample.judged.source.source_id for sample in samples)
    return [
        _provenance(source)
        | {
            "attribution": source.attribution,
            "scenes": list(source.scenes),
            "n_samples": counts[source.source_id],
        }
        for source in sources
    ]


def _provenance(source: Source) -> Facts:
    return {"source_id": source.source_id, "licence": source.licence} | origin_of(source)


def _same_bytes(samples: Iterable[Sample], subset: Subset) -> dict[str, list[Facts]]:
    """Return, by media, every provenance of samples whose bytes several sources brought."""
    used = {str(sample.judged.crop["media_id"]) for sample in samples}
    providers: dict[str, list[Source]] = defaultdict(list)
    for outcome in subset.outcomes:
        media_id = media_of(outcome, subset.workspace) if outcome.error is None else None
        if media_id in used:
            providers[str(media_id)].append(outcome.source)
    return {
        media_id: [_provenance(source) for source in sources]
        for media_id, sources in sorted(providers.items())
        if len(sources) > 1
    }


def _count(values: Iterable[str | None]) -> dict[str, int]:
    counts = Counter(value or NOT_GIVEN for value in values)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _dropped(subset: Subset, selection: Selection) -> list[Facts]:
    left_out = [
        Drop(stage="publish", item=left.stem, reason=left.reason, sentence=left.sentence)
        for left in selection.left_out
    ]
    drops = all_drops(subset.outcomes, subset.run, subset.workspace)
    return [reason._asdict() for reason in reasons([*drops, *left_out])]
